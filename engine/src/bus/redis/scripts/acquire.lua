-- Takes a lease that nobody holds. Its fencing number is above all before it: also above those that a server forgot with its
-- data, since it is at least the time.
-- KEYS: the lease, its last fencing number. ARGV: holder, life in milliseconds.
-- Returns whether it is taken by us, and then: holder, fencing number, remaining milliseconds.
local held = redis.call('HMGET', KEYS[1], 'holder', 'fence')
if held[1] then
    return {0, held[1], held[2], redis.call('PTTL', KEYS[1])}
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local fence = string.format('%.0f', math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, now))
redis.call('SET', KEYS[2], fence)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'fence', fence)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {1, ARGV[1], fence, ARGV[2]}
