-- Notes that a service is alive. KEYS: signs of life. ARGV: service, milliseconds they are kept, most services.
-- Returns how many there would be, if those are too many, or 0.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
local count = redis.call('ZCARD', KEYS[1])
if count >= tonumber(ARGV[3]) and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
    return count + 1
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
return 0
