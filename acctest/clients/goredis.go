package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// goRedis is what users of go-redis v9 do, in cluster mode over TLS and RESP3.
func goRedis(ctx context.Context, host, port string, conf *tls.Config) error {
	r := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{net.JoinHostPort(host, port)}, Username: user, Password: password, TLSConfig: conf, Protocol: 3})
	defer r.Close()
	for _, step := range []struct {
		name string
		run  func(context.Context, *redis.ClusterClient) error
	}{
		{"pipeline", goPipeline}, {"transaction", goTransaction}, {"pub/sub", goPubSub}, {"sharded pub/sub", goShardedPubSub},
		{"blocking pop", goBlockingPop}, {"script", goScript}, {"stream group", goStreamGroup}, {"collections", goCollections},
	} {
		if err := step.run(ctx, r); err != nil {
			return fmt.Errorf("go-redis: %s: %w", step.name, err)
		}
	}
	fmt.Println("go-redis works")
	return nil
}

func equal(what string, got, want any) error {
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		return fmt.Errorf("%s is %s, want %s", what, g, w)
	}
	return nil
}

func goPipeline(ctx context.Context, r *redis.ClusterClient) error {
	var gets []*redis.StringCmd
	_, err := r.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 200 {
			p.Set(ctx, fmt.Sprintf("go:%d", i), i, time.Hour)
		}
		for i := range 200 {
			gets = append(gets, p.Get(ctx, fmt.Sprintf("go:%d", i)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, g := range gets {
		if err := equal("value", g.Val(), i); err != nil {
			return err
		}
	}
	return nil
}

func goTransaction(ctx context.Context, r *redis.ClusterClient) error {
	key := "{go}:counter"
	err := r.Watch(ctx, func(tx *redis.Tx) error {
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, key)
			p.Expire(ctx, key, time.Hour)
			return nil
		})
		return err
	}, key)
	if err != nil {
		return err
	}
	err = r.Watch(ctx, func(tx *redis.Tx) error {
		if err := r.Incr(ctx, key).Err(); err != nil { // another connection breaks the watch
			return err
		}
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, key, "lost", 0).Err() })
		return err
	}, key)
	if !errors.Is(err, redis.TxFailedErr) {
		return fmt.Errorf("a broken watch gives %w", err)
	}
	return equal("counter", r.Get(ctx, key).Val(), 2)
}

// heard waits for the next message, over what may be subscriptions.
func heard(ctx context.Context, sub *redis.PubSub, channel, payload string) error {
	m, err := sub.ReceiveMessage(ctx)
	if err != nil {
		return err
	}
	return equal("message", m.Channel+" "+m.Payload, channel+" "+payload)
}

func goPubSub(ctx context.Context, r *redis.ClusterClient) error {
	sub := r.Subscribe(ctx, "go:news")
	defer func() { _ = sub.Close() }() // the client closes it too
	patterns := r.PSubscribe(ctx, "go:n*")
	defer func() { _ = patterns.Close() }() // as above
	for _, s := range []*redis.PubSub{sub, patterns} {
		if _, err := s.Receive(ctx); err != nil { // the confirmation
			return err
		}
	}
	// Whichever nodes the three of them are on.
	if err := r.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		return node.Publish(ctx, "go:news", "hello").Err()
	}); err != nil {
		return err
	}
	for range 2 { // two shards
		if err := errors.Join(heard(ctx, sub, "go:news", "hello"), heard(ctx, patterns, "go:news", "hello")); err != nil {
			return err
		}
	}
	return nil
}

func goShardedPubSub(ctx context.Context, r *redis.ClusterClient) error {
	sub := r.SSubscribe(ctx, "go:shard")
	defer func() { _ = sub.Close() }() // the client closes it too
	if _, err := sub.Receive(ctx); err != nil {
		return err
	}
	if n, err := r.SPublish(ctx, "go:shard", "hello").Result(); err != nil || n != 1 {
		return fmt.Errorf("SPUBLISH = %d, %w", n, err)
	}
	return heard(ctx, sub, "go:shard", "hello")
}

func goBlockingPop(ctx context.Context, r *redis.ClusterClient) error {
	popped := make(chan error, 1)
	go func() {
		v, err := r.BLPop(ctx, 20*time.Second, "go:queue").Result()
		popped <- errors.Join(err, equal("BLPOP", v, "[go:queue job]"))
	}()
	if err := r.RPush(ctx, "go:queue", "job").Err(); err != nil { // whether it blocks before or after the push, it gets the element
		return err
	}
	if err := <-popped; err != nil {
		return err
	}
	if err := r.BRPop(ctx, 100*time.Millisecond, "go:queue").Err(); !errors.Is(err, redis.Nil) {
		return fmt.Errorf("BRPOP of nothing gives %w", err)
	}
	if err := r.ZAdd(ctx, "go:z", redis.Z{Score: 1.5, Member: "m"}).Err(); err != nil {
		return err
	}
	z, err := r.BZPopMin(ctx, time.Second, "go:z").Result()
	if err != nil {
		return err
	}
	return equal("BZPOPMIN", *z, "{{1.5 m} go:z}")
}

func goScript(ctx context.Context, r *redis.ClusterClient) error {
	add := redis.NewScript(`return redis.call('INCRBY', KEYS[1], ARGV[1]) + tonumber(ARGV[2])`)
	for range 2 { // EVAL, then EVALSHA
		if err := add.Run(ctx, r, []string{"go:scripted"}, 5, 1).Err(); err != nil {
			return err
		}
	}
	if err := r.FunctionLoadReplace(ctx, "#!lua name=golib\nredis.register_function('gofun', function(keys, args) return {keys[1], args[1]} end)").Err(); err != nil {
		return err
	}
	return equal("scripted", r.Get(ctx, "go:scripted").Val(), 10)
}

func goStreamGroup(ctx context.Context, r *redis.ClusterClient) error {
	key, group := "go:stream", "workers"
	if err := r.XGroupCreateMkStream(ctx, key, group, "$").Err(); err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return err
	}
	id, err := r.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: map[string]any{"n": 1}}).Result()
	if err != nil {
		return err
	}
	got, err := r.XReadGroup(ctx, &redis.XReadGroupArgs{Group: group, Consumer: "c1", Streams: []string{key, ">"}, Count: 10, Block: time.Second}).Result()
	if err != nil {
		return err
	}
	if len(got) != 1 || len(got[0].Messages) != 1 || got[0].Messages[0].ID != id || got[0].Messages[0].Values["n"] != "1" {
		return fmt.Errorf("XREADGROUP gives %v, want the entry %s", got, id)
	}
	if n := r.XPending(ctx, key, group).Val().Count; n != 1 {
		return fmt.Errorf("%d entries are pending", n)
	}
	return equal("acknowledged", r.XAck(ctx, key, group, id).Val(), 1)
}

func goCollections(ctx context.Context, r *redis.ClusterClient) error {
	if err := r.GeoAdd(ctx, "go:geo", &redis.GeoLocation{Name: "Palermo", Longitude: 13.361389, Latitude: 38.115556}).Err(); err != nil {
		return err
	}
	return errors.Join(
		equal("GEOHASH", r.GeoHash(ctx, "go:geo", "Palermo").Val(), "[sqc8b49rny0]"),
		equal("PFADD", r.PFAdd(ctx, "go:hll", "a", "b", "a").Val(), 1), equal("PFCOUNT", r.PFCount(ctx, "go:hll").Val(), 2),
		equal("SADD", r.SAdd(ctx, "go:set", 3, 1, 2).Val(), 3), equal("SISMEMBER", r.SIsMember(ctx, "go:set", 2).Val(), true),
		equal("SETBIT", r.SetBit(ctx, "go:bits", 7, 1).Val(), 0), equal("BITCOUNT", r.BitCount(ctx, "go:bits", nil).Val(), 1),
	)
}
