package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/rueidis"
)

// rueidisClient is what users of rueidis do: it pipelines by itself, speaks RESP3 and caches on the client's side with the server's invalidations.
func rueidisClient(ctx context.Context, host, port string, conf *tls.Config) error {
	r, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{net.JoinHostPort(host, port)}, Username: user, Password: password, TLSConfig: conf})
	if err != nil {
		return fmt.Errorf("rueidis: %w", err)
	}
	defer r.Close()
	for _, step := range []struct {
		name string
		run  func(context.Context, rueidis.Client) error
	}{
		{"client-side caching", ruCache}, {"transaction", ruTransaction}, {"sharded pub/sub", ruPubSub}, {"script", ruScript}, {"blocking pop", ruBlockingPop},
	} {
		if err := step.run(ctx, r); err != nil {
			return fmt.Errorf("rueidis: %s: %w", step.name, err)
		}
	}
	fmt.Println("rueidis works")
	return nil
}

func ruCache(ctx context.Context, r rueidis.Client) error {
	set := func(v string) error { return r.Do(ctx, r.B().Set().Key("ru:cached").Value(v).Build()).Error() }
	get := func() rueidis.RedisResult { return r.DoCache(ctx, r.B().Get().Key("ru:cached").Cache(), time.Hour) }
	if err := set("1"); err != nil {
		return err
	}
	if err := get().Error(); err != nil {
		return err
	}
	if again := get(); !again.IsCacheHit() {
		return errors.New("the second GET was not answered from the cache")
	}
	if err := set("2"); err != nil {
		return err
	}
	deadline := time.Now().Add(10 * time.Second)
	for { // the invalidation comes by itself
		v, err := get().ToString()
		if err != nil || v == "2" {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("the cached value was not invalidated")
		}
	}
}

func ruTransaction(ctx context.Context, r rueidis.Client) error {
	return r.Dedicated(func(c rueidis.DedicatedClient) error {
		for _, res := range c.DoMulti(ctx, c.B().Watch().Key("{ru}:a").Build(), c.B().Multi().Build(), c.B().Incr().Key("{ru}:a").Build(), c.B().Incr().Key("{ru}:b").Build(), c.B().Exec().Build()) {
			if err := res.Error(); err != nil {
				return err
			}
		}
		return nil
	})
}

func ruPubSub(ctx context.Context, r rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	heard := errors.New("heard")
	got, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	confirmed := make(chan struct{}, 1)
	sub := rueidis.WithOnSubscriptionHook(got, func(rueidis.PubSubSubscription) { confirmed <- struct{}{} })
	done := make(chan error, 1)
	go func() {
		done <- r.Receive(sub, r.B().Ssubscribe().Channel("ru:shard").Build(), func(m rueidis.PubSubMessage) {
			if m.Message == "hello" {
				stop(heard)
			}
		})
	}()
	select {
	case <-confirmed:
	case err := <-done:
		return err
	}
	if err := r.Do(ctx, r.B().Spublish().Channel("ru:shard").Message("hello").Build()).Error(); err != nil {
		return err
	}
	if err := <-done; !errors.Is(context.Cause(got), heard) {
		return fmt.Errorf("the message did not come: %w", errors.Join(err, context.Cause(got)))
	}
	return nil
}

func ruScript(ctx context.Context, r rueidis.Client) error {
	s := rueidis.NewLuaScript(`redis.setresp(3); return redis.call('HGETALL', KEYS[1])`)
	if err := r.Do(ctx, r.B().Hset().Key("ru:h").FieldValue().FieldValue("f", "v").Build()).Error(); err != nil {
		return err
	}
	m, err := s.Exec(ctx, r, []string{"ru:h"}, nil).AsStrMap()
	if err != nil {
		return err
	}
	return equal("HGETALL by a script", m, "map[f:v]")
}

func ruBlockingPop(ctx context.Context, r rueidis.Client) error {
	done := make(chan error, 1)
	go func() {
		v, err := r.Do(ctx, r.B().Blmpop().Timeout(20).Numkeys(1).Key("ru:q").Left().Count(2).Build()).ToArray()
		if err == nil && len(v) != 2 {
			err = fmt.Errorf("BLMPOP gave %d words", len(v))
		}
		done <- err
	}()
	if err := r.Do(ctx, r.B().Rpush().Key("ru:q").Element("a", "b").Build()).Error(); err != nil {
		return err
	}
	return <-done
}
