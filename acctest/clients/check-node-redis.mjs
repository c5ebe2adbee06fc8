// node-redis in cluster mode over TLS and RESP3. Usage: check-node-redis.mjs HOST PORT CA USER (password: PASSWORD).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createClient, createCluster, RESP_TYPES } from "redis";

const [host, port, ca, username] = process.argv.slice(2);
const socket = { host, port: Number(port), tls: true, ca: readFileSync(ca), servername: host };
const password = process.env.PASSWORD;
const cluster = createCluster({ rootNodes: [{ socket }], defaults: { username, password, RESP: 3, socket: { tls: true, ca: readFileSync(ca) } } });
cluster.on("error", (e) => { throw e; });
await cluster.connect();

await Promise.all(Array.from({ length: 200 }, (_, i) => cluster.set(`nr:${i}`, String(i))));
assert.deepEqual(await Promise.all(Array.from({ length: 200 }, (_, i) => cluster.get(`nr:${i}`))), Array.from({ length: 200 }, (_, i) => String(i)));
await cluster.del("{nr}:h");
assert.deepEqual(
  await cluster.multi().set("{nr}:a", "1").incr("{nr}:a").hSet("{nr}:h", "f", "v").hGetAll("{nr}:h").exec(),
  ["OK", 2, 1, Object.assign(Object.create(null), { f: "v" })],
);
await assert.rejects(cluster.hGet("nr:1", "f"), /WRONGTYPE/);
await cluster.zAdd("nr:z", [{ score: 1.5, value: "a" }, { score: 2, value: "b" }]);
assert.deepEqual(await cluster.zRangeWithScores("nr:z", 0, -1), [{ value: "a", score: 1.5 }, { value: "b", score: 2 }]);
assert.deepEqual(await cluster.eval("return {KEYS[1], ARGV[1]}", { keys: ["nr:1"], arguments: ["x"] }), ["nr:1", "x"]);

await cluster.del("nr:stream");
await cluster.xGroupCreate("nr:stream", "workers", "$", { MKSTREAM: true });
const id = await cluster.xAdd("nr:stream", "*", { n: "1" });
const read = await cluster.xReadGroup("workers", "c", { key: "nr:stream", id: ">" }, { COUNT: 5, BLOCK: 1000 });
assert.equal(read[0].messages[0].id, id);
assert.equal(await cluster.xAck("nr:stream", "workers", id), 1);

// Sharded channels follow their slot; others reach every node.
const sharded = new Promise((resolve) => cluster.sSubscribe("nr:shard", (message) => resolve(message)).then(() => cluster.sPublish("nr:shard", "hello")));
assert.equal(await sharded, "hello");
const plain = new Promise((resolve) => cluster.subscribe("nr:news", (message) => resolve(message)).then(() => cluster.publish("nr:news", "hi")));
assert.equal(await plain, "hi");

// Client-side caching on the node that owns the key: the server's invalidations empty the cache.
const owner = await cluster.nodeClient(cluster.masters[0]);
const { host: at, port: on } = owner.options.socket;
const cached = createClient({ username, password, RESP: 3, socket: { host: at, port: on, tls: true, ca: readFileSync(ca), servername: at }, clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: "LRU" } });
await cached.connect();
cached.on("error", (e) => { throw e; });
const key = (await cached.sendCommand(["KEYS", "nr:*"])).find((k) => /^nr:\d+$/.test(k));
const before = await cached.get(key);
assert.equal(await cached.get(key), before);
await cluster.set(key, "changed");
const deadline = Date.now() + 10000;
while ((await cached.get(key)) !== "changed") {
  assert.ok(Date.now() < deadline, "the cached value was not invalidated");
  await new Promise(setImmediate); // a cached answer is a microtask: without this the socket would never be read
}
assert.ok(cached.clientSideCache.stats().hitCount > 0, "nothing came from the cache");
cached.destroy();
await cluster.close();
console.log("node-redis works");
