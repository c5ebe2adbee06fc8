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

const reader = new Cluster([{ host, port: Number(port) }], { scaleReads: "slave", redisOptions, dnsLookup: (a, cb) => cb(null, a) });
assert.equal(await reader.get("io:7"), "7");
reader.disconnect();
cluster.disconnect();
console.log("ioredis works");
