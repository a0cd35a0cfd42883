"""The official Python SDK trades on the local exchange."""

import time

import eth_account
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.types import Cloid

from steps import KEY, URL, Heard, check, step

COIN = "BTC"
wallet = eth_account.Account.from_key(KEY)
user = wallet.address

step("reads meta")
info = Info(URL)
meta = info.meta()
check(meta["universe"][info.name_to_asset(COIN)]["name"] == COIN, "the number of a coin is its place")
check(info.asset_to_sz_decimals[info.name_to_asset(COIN)] == meta["universe"][0]["szDecimals"], "decimals of a size")
universe, contexts = info.meta_and_asset_ctxs()
check(len(universe["universe"]) == len(contexts), "a context for each coin")
check(float(contexts[0]["markPx"]) > 0 and float(contexts[0]["oraclePx"]) > 0, "prices")

step("subscribes")
channels = ["candle", "trades", "l2Book", "bbo", "activeAssetCtx", "allMids"]
heard = {name: Heard() for name in channels + ["userEvents", "orderUpdates", "userFills", "activeAssetData"]}
info.subscribe({"type": "candle", "coin": COIN, "interval": "1m"}, heard["candle"])
for name in ["trades", "l2Book", "bbo", "activeAssetCtx"]:
    info.subscribe({"type": name, "coin": COIN}, heard[name])
info.subscribe({"type": "allMids"}, heard["allMids"])
for name in ["userEvents", "orderUpdates", "userFills"]:
    info.subscribe({"type": name, "user": user}, heard[name])
info.subscribe({"type": "activeAssetData", "user": user, "coin": COIN}, heard["activeAssetData"])
for name in channels:
    heard[name].wait(f"a message of {name}")
snapshot = heard["userFills"].wait("the snapshot of fills")["data"]
check(snapshot["isSnapshot"] and snapshot["fills"] == [], "a new account has no fills")

step("places")
exchange = Exchange(wallet, URL)
mid = float(info.all_mids()[COIN])
below = round(mid * 0.8)
answer = exchange.order(COIN, True, 0.01, below, {"limit": {"tif": "Gtc"}})
check(answer["status"] == "ok", answer)
oid = answer["response"]["data"]["statuses"][0]["resting"]["oid"]
check([order["oid"] for order in info.open_orders(user)] == [oid], "it is open")
check(info.frontend_open_orders(user)[0]["orderType"] == "Limit", "and shown in its long form")
check(info.query_order_by_oid(user, oid)["order"]["status"] == "open", "and known by its number")
opened = heard["orderUpdates"].wait("the update of the order", lambda message: message["data"][0]["order"]["oid"] == oid)
check(opened["data"][0]["status"] == "open", opened)

step("modifies")
answer = exchange.modify_order(oid, COIN, True, 0.02, below - 100, {"limit": {"tif": "Gtc"}})
changed = answer["response"]["data"]["statuses"][0]["resting"]["oid"]
check(changed != oid, "the new order has a number of its own")
orders = info.open_orders(user)
check([(order["oid"], float(order["sz"]), float(order["limitPx"])) for order in orders] == [(changed, 0.02, below - 100)], orders)

step("cancels")
answer = exchange.cancel(COIN, changed)
check(answer["response"]["data"]["statuses"] == ["success"], answer)
check(info.open_orders(user) == [], "nothing is open")
heard["orderUpdates"].wait(
    "the end of the order", lambda message: (message["data"][0]["order"]["oid"], message["data"][0]["status"]) == (changed, "canceled")
)
answer = exchange.cancel(COIN, changed)
words = answer["response"]["data"]["statuses"][0]["error"]
check(words.startswith("Order was never placed, already canceled, or filled."), words)
cloid = Cloid.from_str("0x000000000000000000000000000000a1")
answer = exchange.order(COIN, True, 0.01, below, {"limit": {"tif": "Alo"}}, cloid=cloid)
check(answer["response"]["data"]["statuses"][0]["resting"]["cloid"] == cloid.to_raw(), answer)
check(info.query_order_by_cloid(user, cloid)["order"]["order"]["cloid"] == cloid.to_raw(), "known by its name")
check(exchange.cancel_by_cloid(COIN, cloid)["response"]["data"]["statuses"] == ["success"], "cancelled by its name")

step("is refused in the recorded words")
answer = exchange.order(COIN, True, 0.0001, below, {"limit": {"tif": "Gtc"}})
words = answer["response"]["data"]["statuses"][0]["error"]
check(words.startswith("Order must have minimum value of $10"), words)
stranger = Exchange(eth_account.Account.from_key("0x" + "77" * 32), URL)
answer = stranger.order(COIN, True, 0.01, below, {"limit": {"tif": "Gtc"}})
check(answer["status"] == "err" and answer["response"].startswith("User or API Wallet 0x"), answer)

step("opens and closes a position")
check(exchange.update_leverage(5, COIN)["status"] == "ok", "leverage")
answer = exchange.market_open(COIN, True, 0.01)
filled = answer["response"]["data"]["statuses"][0]["filled"]
check(float(filled["totalSz"]) == 0.01, answer)
position = info.user_state(user)["assetPositions"][0]["position"]
check((position["coin"], float(position["szi"]), position["leverage"]["value"]) == (COIN, 0.01, 5), position)
fills = heard["userFills"].wait("the fill", lambda message: len(message["data"]["fills"]) > 0)["data"]
check("isSnapshot" not in fills and fills["fills"][0]["oid"] == filled["oid"], fills)
event = heard["userEvents"].wait("the event of the fill", lambda message: "fills" in message["data"])
check(event["data"]["fills"][0]["dir"] == "Open Long", event)
answer = exchange.market_close(COIN)
check(float(answer["response"]["data"]["statuses"][0]["filled"]["totalSz"]) == 0.01, answer)
check(all(float(row["position"]["szi"]) == 0 for row in info.user_state(user)["assetPositions"]), "it is flat")

step("reads fills and state")
fills = info.user_fills(user)
check({fill["dir"] for fill in fills} == {"Open Long", "Close Long"}, fills)
check(all(float(fill["fee"]) > 0 and fill["feeToken"] == "USDC" for fill in fills), fills)
check(info.user_fills_by_time(user, 0) != [], "fills by time")
check(len(info.historical_orders(user)) >= 4, "orders of late")
check(float(info.user_state(user)["marginSummary"]["accountValue"]) > 0, "a value")
check(info.user_rate_limit(user)["nRequestsUsed"] > 0, "requests")
check(info.user_role(user) == {"role": "user"}, "a role")
check(float(info.user_fees(user)["userCrossRate"]) > 0, "fees")
check(info.l2_snapshot(COIN)["levels"][0] != [], "a book")
now = int(time.time() * 1000)
candles = info.candles_snapshot(COIN, "1m", now - 600_000, now)
check(len(candles) > 1 and all(float(candle["l"]) <= float(candle["h"]) for candle in candles), candles)
check(isinstance(info.funding_history(COIN, 0), list), "funding")
check(isinstance(info.user_funding_history(user, 0), list), "funding paid")
check(info.user_non_funding_ledger_updates(user, 0)[0]["delta"]["type"] == "deposit", "money paid in")

step("trades through an agent")
answer, agent_key = exchange.approve_agent("bot")
check(answer == {"status": "ok", "response": {"type": "default"}}, answer)
agent = Exchange(eth_account.Account.from_key(agent_key), URL, account_address=user)
answer = agent.order(COIN, True, 0.01, below, {"limit": {"tif": "Gtc"}})
oid = answer["response"]["data"]["statuses"][0]["resting"]["oid"]
check(info.open_orders(user)[0]["oid"] == oid, "it is the account's")
check(agent.cancel(COIN, oid)["response"]["data"]["statuses"] == ["success"], "and the agent takes it back")
check(info.extra_agents(user)[0]["name"] == "bot", "the agent is listed")

info.disconnect_websocket()
step("done")
