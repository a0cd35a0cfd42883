-- Signs of life, each with its age in milliseconds. KEYS: signs of life. ARGV: milliseconds they are kept, most that are returned.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[1]))
local beats = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1, 'WITHSCORES')
for at = 2, #beats, 2 do
    beats[at] = string.format('%.0f', math.max(now - tonumber(beats[at]), 0))
end
return beats
