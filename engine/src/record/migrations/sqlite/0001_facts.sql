-- Facts of accounts, as engine/docs/recorder.md describes them. SQLite has no exact decimals: money is text.

-- How far each account is recorded: every fact of every input up to this one is there.
CREATE TABLE accounts (
    account TEXT NOT NULL PRIMARY KEY,
    journal TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Orders as they were sent, or came to life at the exchange.
CREATE TABLE orders (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    strategy TEXT,
    client_order TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    size TEXT NOT NULL,
    kind TEXT NOT NULL,
    price TEXT,
    trigger_price TEXT,
    time_in_force TEXT,
    reduce_only INTEGER NOT NULL,
    event INTEGER,
    intent INTEGER,
    leg INTEGER,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- Each state of each order.
CREATE TABLE order_states (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    strategy TEXT,
    client_order TEXT NOT NULL,
    state TEXT NOT NULL,
    size TEXT NOT NULL,
    filled TEXT NOT NULL,
    price TEXT,
    trigger_price TEXT,
    code TEXT,
    words TEXT,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- Fills.
CREATE TABLE fills (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    strategy TEXT,
    client_order TEXT,
    venue_order TEXT NOT NULL,
    trade TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    size TEXT NOT NULL,
    fee TEXT NOT NULL,
    maker INTEGER NOT NULL,
    forced TEXT,
    exchange_time_ms INTEGER NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- Funding payments.
CREATE TABLE funding (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    strategy TEXT,
    symbol TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    rate TEXT NOT NULL,
    payment TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- Positions, each time they changed.
CREATE TABLE positions (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    strategy TEXT,
    symbol TEXT NOT NULL,
    size TEXT NOT NULL,
    entry_price TEXT,
    realized TEXT,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- The account's money, at an interval.
CREATE TABLE equity (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    equity TEXT,
    cash TEXT,
    settled TEXT NOT NULL,
    fees_paid TEXT NOT NULL,
    funding_received TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- Levels of order books, at an interval.
CREATE TABLE books (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    exchange_time_ms INTEGER NOT NULL,
    side TEXT NOT NULL,
    level INTEGER NOT NULL,
    price TEXT NOT NULL,
    size TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- Requests that were denied before they were sent.
CREATE TABLE denials (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    code TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- Strategies that failed.
CREATE TABLE faults (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    kind TEXT NOT NULL,
    function TEXT NOT NULL,
    event INTEGER NOT NULL,
    fuel INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- Strategies that changed their state.
CREATE TABLE lifecycle (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    state TEXT NOT NULL,
    words TEXT,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- What strategies said to the trader.
CREATE TABLE notifications (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    urgency TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- Where the exchange's word differed from ours.
CREATE TABLE differences (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT,
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    exchange_time_ms INTEGER NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;

-- What happened to the account's safeguards.
CREATE TABLE risk_events (
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    record INTEGER NOT NULL,
    place INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    strategy TEXT,
    action TEXT,
    symbol TEXT,
    size TEXT,
    words TEXT NOT NULL,
    PRIMARY KEY (account, epoch, record, place)
) STRICT, WITHOUT ROWID;
