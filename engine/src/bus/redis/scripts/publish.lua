-- Writes entries of one stream, each once, if the lease is held.
-- KEYS: stream, and the lease's key if there is one.
-- ARGV: fencing number or '', entries to keep, then for each entry: id, count of names and values, names and values.
-- Returns a digit for each: 0 written, 1 there already, 2 passed.
if ARGV[1] ~= '' and redis.call('HGET', KEYS[2], 'fence') ~= ARGV[1] then
    return redis.error_reply('LEASELOST the lease is not held')
end
local outcomes, at = {}, 3
while at <= #ARGV do
    local id, count = ARGV[at], tonumber(ARGV[at + 1])
    local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], id, unpack(ARGV, at + 2, at + 1 + count))
    local outcome = '0'
    if type(added) == 'table' and added.err then
        if not string.find(added.err, 'equal or smaller', 1, true) then
            return added
        end
        outcome = #redis.call('XRANGE', KEYS[1], id, id) > 0 and '1' or '2'
    end
    outcomes[#outcomes + 1] = outcome
    at = at + 2 + count
end
return table.concat(outcomes)
