-- Makes a lease last longer. KEYS: the lease. ARGV: fencing number, life in milliseconds. Returns whether it is held.
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
    return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
