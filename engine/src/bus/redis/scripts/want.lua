-- Notes what a holder wants, with the time until which. KEYS: what is wanted.
-- ARGV: life in milliseconds, most that may be wanted, then members. Returns how many would be wanted, if those are too many, or 0.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local count = redis.call('ZCARD', KEYS[1]) + #ARGV - 2
if count > tonumber(ARGV[2]) then
    return count
end
for at = 3, #ARGV do
    redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), ARGV[at])
end
return 0
