"""redis-py in cluster mode over TLS: pipelines, transactions, expiry, hashes, redirects, reads from replicas, pub/sub, blocking pops, Lua, stream groups. Usage: check.py HOST PORT CA USER (password: PASSWORD)."""
import logging
import os
import sys

import redis
from redis.cluster import RedisCluster

logging.disable(logging.CRITICAL)  # redis-py logs the error that is asked for below
host, port, ca, user = sys.argv[1:5]
options = dict(host=host, port=int(port), ssl=True, ssl_ca_certs=ca, username=user, password=os.environ["PASSWORD"], decode_responses=True)
r = RedisCluster(**options)

for i in range(300):
    assert r.set(f"py:{i}", i) is True
assert [r.get(f"py:{i}") for i in range(300)] == [str(i) for i in range(300)]
assert len({r.keyslot(f"py:{i}") // 8192 for i in range(300)}) == 2, "both shards are used"

with r.pipeline() as p:
    for i in range(100):
        p.incr("py:counter")
        p.hset(f"py:h{i}", mapping={"a": i, "b": "x"})
    p.execute()
assert r.get("py:counter") == "100" and r.hgetall("py:h42") == {"a": "42", "b": "x"}

assert r.set("py:soon", "v", px=60000) and 0 < r.pttl("py:soon") <= 60000
assert r.delete("py:soon") == 1 and r.exists("py:soon") == 0
try:
    r.hget("py:1", "f")
    raise AssertionError("a hash command worked on a string")
except redis.exceptions.ResponseError as e:
    assert str(e).startswith("WRONGTYPE"), e

# A transaction on one node, as redis-py's cluster client has none.
node = r.get_redis_connection(r.get_node_from_key("{py}:tx"))
with node.pipeline(transaction=True) as tx:
    tx.watch("{py}:tx")
    tx.multi()
    tx.incr("{py}:tx")
    tx.incr("{py}:tx")
    assert tx.execute()[-1] >= 2
with node.pipeline(transaction=True) as tx:
    tx.watch("{py}:tx")
    node.incr("{py}:tx")
    tx.multi()
    tx.set("{py}:tx", "lost")
    try:
        tx.execute()
        raise AssertionError("a broken watch did not stop EXEC")
    except redis.exceptions.WatchError:
        pass

sub = r.pubsub()
sub.subscribe("py:news")
assert sub.get_message(timeout=5)["type"] == "subscribe"
for n in r.get_primaries():
    r.get_redis_connection(n).publish("py:news", "hello")
for _ in r.get_primaries():
    message = sub.get_message(timeout=5)
    assert message["type"] == "message" and message["data"] == "hello", message
sub.close()

r.delete("py:queue")
r.rpush("py:queue", "a", "b")
assert r.blpop("py:queue", timeout=5) == ("py:queue", "a") and r.brpop("py:queue", timeout=5) == ("py:queue", "b")
assert r.blpop("py:queue", timeout=1) is None

assert r.eval("return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}", 1, "py:7", "x") == ["py:7", "x", "7"]
sha = r.script_load("return redis.call('INCR', KEYS[1])")
r.delete("py:scripted")
assert r.evalsha(sha, 1, "py:scripted") == 1

r.delete("py:stream")
r.xgroup_create("py:stream", "workers", mkstream=True)
entry = r.xadd("py:stream", {"n": "1"})
assert r.xreadgroup("workers", "c", {"py:stream": ">"}, count=5, block=1000) == [["py:stream", [(entry, {"n": "1"})]]]
assert r.xpending("py:stream", "workers")["pending"] == 1 and r.xack("py:stream", "workers", entry) == 1

r.zadd("py:z", {"a": 1, "b": 2.5})
assert r.zrange("py:z", 0, -1, withscores=True) == [("a", 1.0), ("b", 2.5)]
assert r.sadd("py:s", 1, 2, 3) >= 0 and r.smembers("py:s") == {"1", "2", "3"}

replicas = RedisCluster(read_from_replicas=True, **options)
assert replicas.get("py:7") == "7"
print("redis-py", redis.__version__, "works")
