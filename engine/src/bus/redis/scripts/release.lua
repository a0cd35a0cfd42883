-- Gives a lease back. KEYS: the lease. ARGV: fencing number. Returns whether it was held.
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
