"""ccxt trades on the local exchange, over REST and over sockets."""

import asyncio
import sys

import ccxt
import ccxt.pro

from steps import KEY, URL, WAIT_SECONDS_MAX, WEBSOCKET_URL, check, step

import eth_account

SYMBOL = "BTC/USDC:USDC"
CREDENTIALS = {
    "walletAddress": eth_account.Account.from_key(KEY).address,
    "privateKey": KEY,
    # Signs as for the test network.
    "options": {"sandboxMode": True},
}


def at_home(client):
    """Lets a client speak to the local exchange."""
    client.urls["api"]["public"] = URL
    client.urls["api"]["private"] = URL
    if "ws" in client.urls["api"]:
        client.urls["api"]["ws"]["public"] = WEBSOCKET_URL
    return client


def over_rest():
    """Everything that asks and is answered."""
    client = at_home(ccxt.hyperliquid(CREDENTIALS))
    step("loads markets")
    market = client.load_markets()[SYMBOL]
    check(market["swap"] and market["baseId"] == "0", market)
    price = client.fetch_order_book(SYMBOL)["bids"][0][0]
    below = round(price * 0.8)

    step("places, modifies, cancels")
    oid = client.create_order(SYMBOL, "limit", "buy", 0.01, below)["id"]
    orders = client.fetch_open_orders(SYMBOL)
    check([(order["id"], order["price"], order["side"]) for order in orders] == [(oid, below, "buy")], orders)
    check(client.fetch_order(oid, SYMBOL)["status"] == "open", "it is open")
    changed = client.edit_order(oid, SYMBOL, "limit", "buy", 0.02, below - 100)["id"]
    orders = client.fetch_open_orders(SYMBOL)
    check([(order["id"], order["amount"]) for order in orders] == [(changed, 0.02)], orders)
    client.cancel_order(changed, SYMBOL)
    check(client.fetch_open_orders(SYMBOL) == [], "nothing is open")
    try:
        client.cancel_order(changed, SYMBOL)
    except ccxt.OrderNotFound:
        pass
    else:
        sys.exit("not so: an order is cancelled twice")

    step("opens and closes a position")
    client.set_leverage(4, SYMBOL)
    client.create_order(SYMBOL, "market", "sell", 0.01, price)
    position = client.fetch_positions([SYMBOL])[0]
    check((position["side"], position["contracts"], position["leverage"]) == ("short", 0.01, 4), position)
    client.create_order(SYMBOL, "market", "buy", 0.01, price, {"reduceOnly": True})
    check(all(not position["contracts"] for position in client.fetch_positions([SYMBOL])), "it is flat")

    step("reads fills and state")
    trades = client.fetch_my_trades(SYMBOL)
    check({trade["side"] for trade in trades[-2:]} == {"buy", "sell"}, trades)
    check(all(trade["fee"]["cost"] > 0 for trade in trades), trades)
    check(client.fetch_balance()["USDC"]["total"] > 0, "money")
    check({order["status"] for order in client.fetch_orders(SYMBOL)} >= {"canceled", "closed"}, "orders of late")
    check(len(client.fetch_ohlcv(SYMBOL, "1m", limit=10)) > 1, "candles")
    check(client.fetch_ticker(SYMBOL)["last"] is not None or client.fetch_ticker(SYMBOL)["bid"] is not None, "a ticker")
    check(client.fetch_funding_rate(SYMBOL)["markPrice"] > 0, "funding")
    check(client.fetch_time() > 0, "a clock")
    return below


async def over_sockets(below):
    """Everything that is told."""

    async def wait(what, coming):
        try:
            return await asyncio.wait_for(coming, WAIT_SECONDS_MAX)
        except asyncio.TimeoutError:
            sys.exit(f"not so: {what} did not come")

    client = at_home(ccxt.pro.hyperliquid(CREDENTIALS))
    try:
        await client.load_markets()
        step("watches")
        check((await wait("a candle", client.watch_ohlcv(SYMBOL, "1m")))[-1][4] > 0, "candles")
        check((await wait("trades", client.watch_trades(SYMBOL)))[-1]["price"] > 0, "trades")
        check((await wait("a book", client.watch_order_book(SYMBOL)))["bids"] != [], "a book")
        check((await wait("a ticker", client.watch_ticker(SYMBOL)))["info"] is not None, "a ticker")
        # The fills of before come with the subscription; those of now come after them.
        check(len(await wait("the fills of before", client.watch_my_trades(SYMBOL))) >= 2, "fills")

        step("places, modifies, cancels over the socket")
        orders = asyncio.ensure_future(client.watch_orders(SYMBOL))
        await asyncio.sleep(0)
        oid = (await wait("an answer", client.create_order_ws(SYMBOL, "limit", "buy", 0.01, below)))["id"]
        check(oid in [order["id"] for order in await wait("an update", orders)], "the order is told of")
        changed = (await wait("an answer", client.edit_order_ws(oid, SYMBOL, "limit", "buy", 0.01, below - 50)))["id"]
        check(changed != oid, "the new order has a number of its own")
        await wait("an answer", client.cancel_order_ws(changed, SYMBOL))
        check(await client.fetch_open_orders(SYMBOL) == [], "nothing is open")

        step("hears of its fills")
        fills = asyncio.ensure_future(client.watch_my_trades(SYMBOL))
        positions = asyncio.ensure_future(client.watch_positions([SYMBOL]))
        await asyncio.sleep(0)
        await wait("an answer", client.create_order_ws(SYMBOL, "market", "buy", 0.01, below / 0.8))
        check((await wait("the fill", fills))[-1]["side"] == "buy", "the fill is told of")
        check((await wait("the position", positions))[0]["contracts"] == 0.01, "and the position")
        await wait("an answer", client.create_order_ws(SYMBOL, "market", "sell", 0.01, below / 0.8, {"reduceOnly": True}))
        check(all(not row["contracts"] for row in await client.fetch_positions([SYMBOL])), "it is flat")
    finally:
        await client.close()


asyncio.run(over_sockets(over_rest()))
step("done")
