-- Facts of accounts, as engine/docs/recorder.md describes them. Money is NUMERIC, which is exact.

-- How far each account is recorded: every fact of every input up to this one is there.
CREATE TABLE accounts (
    account TEXT NOT NULL PRIMARY KEY,
    journal TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL
);

-- Orders as they were sent, or came to life at the exchange.
CREATE TABLE orders (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    strategy TEXT,
    client_order TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    size NUMERIC NOT NULL,
    kind TEXT NOT NULL,
    price NUMERIC,
    trigger_price NUMERIC,
    time_in_force TEXT,
    reduce_only BOOLEAN NOT NULL,
    event BIGINT,
    intent BIGINT,
    leg BIGINT,
    PRIMARY KEY (account, epoch, record, place)
);

-- Each state of each order.
CREATE TABLE order_states (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    strategy TEXT,
    client_order TEXT NOT NULL,
    state TEXT NOT NULL,
    size NUMERIC NOT NULL,
    filled NUMERIC NOT NULL,
    price NUMERIC,
    trigger_price NUMERIC,
    code TEXT,
    words TEXT,
    PRIMARY KEY (account, epoch, record, place)
);

-- Fills.
CREATE TABLE fills (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    strategy TEXT,
    client_order TEXT,
    venue_order NUMERIC NOT NULL,
    trade NUMERIC NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    price NUMERIC NOT NULL,
    size NUMERIC NOT NULL,
    fee NUMERIC NOT NULL,
    maker BOOLEAN NOT NULL,
    forced TEXT,
    exchange_time_ms BIGINT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
);

-- Funding payments.
CREATE TABLE funding (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    strategy TEXT,
    symbol TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    rate NUMERIC NOT NULL,
    payment NUMERIC NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
);

-- Positions, each time they changed.
CREATE TABLE positions (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    strategy TEXT,
    symbol TEXT NOT NULL,
    size NUMERIC NOT NULL,
    entry_price NUMERIC,
    realized NUMERIC,
    PRIMARY KEY (account, epoch, record, place)
);

-- The account's money, at an interval.
CREATE TABLE equity (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    equity NUMERIC,
    cash NUMERIC,
    settled NUMERIC NOT NULL,
    fees_paid NUMERIC NOT NULL,
    funding_received NUMERIC NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
);

-- Levels of order books, at an interval.
CREATE TABLE books (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    symbol TEXT NOT NULL,
    exchange_time_ms BIGINT NOT NULL,
    side TEXT NOT NULL,
    level BIGINT NOT NULL,
    price NUMERIC NOT NULL,
    size NUMERIC NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
);

-- Requests that were denied before they were sent.
CREATE TABLE denials (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    code TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
);

-- Strategies that failed.
CREATE TABLE faults (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    kind TEXT NOT NULL,
    function TEXT NOT NULL,
    event BIGINT NOT NULL,
    fuel BIGINT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
);

-- Strategies that changed their state.
CREATE TABLE lifecycle (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    state TEXT NOT NULL,
    words TEXT,
    PRIMARY KEY (account, epoch, record, place)
);

-- What strategies said to the trader.
CREATE TABLE notifications (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    urgency TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
);

-- Where the exchange's word differed from ours.
CREATE TABLE differences (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT,
    ours NUMERIC NOT NULL,
    theirs NUMERIC NOT NULL,
    exchange_time_ms BIGINT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
);

-- What happened to the account's safeguards.
CREATE TABLE risk_events (
    account TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    record BIGINT NOT NULL,
    place BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    strategy TEXT,
    action TEXT,
    symbol TEXT,
    size NUMERIC,
    words TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
);
