// ioredis in cluster mode over TLS. Usage: check.mjs HOST PORT CA USER (password: PASSWORD).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Cluster } from "ioredis";

const [host, port, ca, username] = process.argv.slice(2);
const redisOptions = { username, password: process.env.PASSWORD, tls: { ca: readFileSync(ca) } };
const cluster = new Cluster([{ host, port: Number(port) }], { redisOptions, dnsLookup: (a, cb) => cb(null, a) });
cluster.on("error", (e) => console.error(e));

await Promise.all(Array.from({ length: 300 }, (_, i) => cluster.set(`io:${i}`, i)));
const values = await Promise.all(Array.from({ length: 300 }, (_, i) => cluster.get(`io:${i}`)));
assert.deepEqual(values, Array.from({ length: 300 }, (_, i) => String(i)));

const results = await cluster.pipeline().set("{io}:a", 1).incr("{io}:a").hset("{io}:h", "f", "v").hgetall("{io}:h").exec();
assert.deepEqual(results.map(([e, v]) => [e, v]), [[null, "OK"], [null, 2], [null, 1], [null, { f: "v" }]]);
const tx = await cluster.multi().set("{io}:x", 1).get("{io}:x").exec();
assert.deepEqual(tx, [[null, "OK"], [null, "1"]]);
await assert.rejects(cluster.hget("io:1", "f"), /WRONGTYPE/);

// Streams with a group, scripts, blocking pops and sorted sets.
await cluster.del("io:stream");
await cluster.xgroup("CREATE", "io:stream", "workers", "$", "MKSTREAM");
const id = await cluster.xadd("io:stream", "*", "n", "1");
assert.deepEqual(await cluster.xreadgroup("GROUP", "workers", "c", "COUNT", 5, "BLOCK", 1000, "STREAMS", "io:stream", ">"), [["io:stream", [[id, ["n", "1"]]]]]);
assert.equal(await cluster.xack("io:stream", "workers", id), 1);
assert.deepEqual(await cluster.eval("return {KEYS[1], ARGV[1]}", 1, "io:1", "x"), ["io:1", "x"]);
cluster.defineCommand("twice", { numberOfKeys: 1, lua: "return redis.call('GET', KEYS[1]) * 2" });
assert.equal(await cluster.twice("io:21"), 42);
const popper = cluster.duplicate();
const popped = popper.blpop("io:queue", 20);
await cluster.rpush("io:queue", "job");
assert.deepEqual(await popped, ["io:queue", "job"]);
popper.disconnect();

// Channels, and sharded ones.
const subscriber = cluster.duplicate();
const heard = new Promise((resolve) => subscriber.on("message", (channel, message) => resolve([channel, message])));
await subscriber.subscribe("io:news");
await cluster.publish("io:news", "hello");
assert.deepEqual(await heard, ["io:news", "hello"]);
subscriber.disconnect();

const reader = new Cluster([{ host, port: Number(port) }], { scaleReads: "slave", redisOptions, dnsLookup: (a, cb) => cb(null, a) });
assert.equal(await reader.get("io:7"), "7");
reader.disconnect();
cluster.disconnect();
console.log("ioredis works");
