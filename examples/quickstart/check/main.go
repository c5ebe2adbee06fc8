// Command check is what the quickstart does as an application: it waits for the emulator, fetches the clusters' CA, writes keys through TLS
// and reads every one of them back.
//
//	check wait   --api URL                                     wait until GET /health answers 200
//	check ca     --api URL --out FILE                          fetch the CA certificate
//	check write  --address HOST:PORT --ca FILE --user U --keys N --ledger FILE
//	check verify --address HOST:PORT --ca FILE --user U --ledger FILE
//
// The password comes from the environment variable PASSWORD. write notes each acknowledged key in the ledger; verify reads all of them.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"
)

type program struct {
	Wait   wait   `cmd:"" help:"Wait until the management API is ready."`
	CA     ca     `cmd:"" name:"ca" help:"Fetch the CA certificate."`
	Write  write  `cmd:"" help:"Write keys and note the acknowledged ones."`
	Verify verify `cmd:"" help:"Read every key that was noted."`
}

type wait struct {
	API     string        `required:"" name:"api"`
	Timeout time.Duration `default:"30s"`
}

type ca struct {
	API string `required:"" name:"api"`
	Out string `required:""`
}

type cluster struct {
	Address string        `required:""`
	CA      string        `required:"" name:"ca"`
	User    string        `required:""`
	Ledger  string        `required:""`
	Timeout time.Duration `default:"30s"`
}

type write struct {
	cluster
	Keys int `default:"200"`
}

type verify struct{ cluster }

func main() {
	var p program
	ctx := kong.Parse(&p)
	ctx.FatalIfErrorf(ctx.Run())
}

func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return body, err
}

// Run polls until the API is ready.
func (w *wait) Run() error {
	ctx, cancel := context.WithTimeout(context.Background(), w.Timeout)
	defer cancel()
	for {
		_, err := get(ctx, w.API+"/health")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the emulator is not ready after %v: %w", w.Timeout, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Run stores the CA certificate.
func (c *ca) Run() error {
	pem, err := get(context.Background(), c.API+"/_ca.pem")
	if err != nil {
		return err
	}
	return os.WriteFile(c.Out, pem, 0o644)
}

func (c *cluster) client() (*redis.ClusterClient, error) {
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", c.CA)
	}
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{c.Address}, Username: c.User, Password: os.Getenv("PASSWORD"), TLSConfig: &tls.Config{RootCAs: roots},
	}), nil
}

// answering waits until every shard has loaded its log and answers.
func answering(ctx context.Context, client *redis.ClusterClient) error {
	for {
		err := client.ForEachShard(ctx, func(ctx context.Context, shard *redis.Client) error { return shard.Ping(ctx).Err() })
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Run writes keys one after another; only what the cluster acknowledged is noted.
func (w *write) Run() error {
	client, err := w.client()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), w.Timeout)
	defer cancel()
	if err := answering(ctx, client); err != nil {
		return err
	}
	ledger, err := os.OpenFile(w.Ledger, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	run := time.Now().UnixNano()
	for i := range w.Keys {
		key, value := fmt.Sprintf("session:%d:%d", run, i), fmt.Sprintf("trader-%d", i)
		if err := client.Set(ctx, key, value, 0).Err(); err != nil {
			return errors.Join(fmt.Errorf("SET %s: %w", key, err), ledger.Close())
		}
		if _, err := fmt.Fprintln(ledger, key, value); err != nil {
			return errors.Join(err, ledger.Close())
		}
	}
	fmt.Printf("wrote %d keys through TLS; every one was acknowledged\n", w.Keys)
	return ledger.Close()
}

// Run reads every noted key back.
func (v *verify) Run() error {
	client, err := v.client()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), v.Timeout)
	defer cancel()
	if err := answering(ctx, client); err != nil {
		return err
	}
	ledger, err := os.Open(v.Ledger)
	if err != nil {
		return err
	}
	defer ledger.Close()
	lines, n, lost := bufio.NewScanner(ledger), 0, 0
	for lines.Scan() {
		key, want, _ := strings.Cut(lines.Text(), " ")
		got, err := client.Get(ctx, key).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("GET %s: %w", key, err)
		}
		n++
		if got != want {
			lost++
			fmt.Printf("LOST %s: want %q, have %q\n", key, want, got)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if lost > 0 {
		return fmt.Errorf("%d of %d acknowledged keys are lost", lost, n)
	}
	fmt.Printf("read %d acknowledged keys back: all there\n", n)
	return nil
}
