"""redis-py in cluster mode over TLS: pipelines, transactions, expiry, hashes, redirects, reads from replicas. Usage: check.py HOST PORT CA USER (password: PASSWORD)."""
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

replicas = RedisCluster(read_from_replicas=True, **options)
assert replicas.get("py:7") == "7"
print("redis-py", redis.__version__, "works")
