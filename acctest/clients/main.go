// Command clients tries other people's clients on a cluster of two shards over TLS, with a user and a password: go-redis, rueidis, redis-py, ioredis, node-redis and
// redis-cli -c. `make clients` installs them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/acctest/harness"
)

const (
	user     = "checker"
	password = "a-password-of-24-letters"
)

func main() {
	program := flag.String("emulator", "bin/memorydb-emulator", "the emulator")
	python := flag.String("python", "python3", "a python that has the redis module")
	flag.Parse()
	if err := run(*program, *python); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func run(program, python string) (err error) {
	dir, err := os.MkdirTemp("", "memorydb-clients-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e := &harness.Emulator{Program: program, Data: filepath.Join(dir, "data")}
	if err := e.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Kill()) }()
	address, err := cluster(e)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	pem, err := e.CA()
	if err != nil {
		return err
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem, 0o644); err != nil {
		return err
	}
	conf, err := e.TLS()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := goRedis(ctx, host, port, conf); err != nil {
		return err
	}
	if err := rueidisClient(ctx, host, port, conf); err != nil {
		return err
	}
	args := []string{host, port, ca, user}
	if _, err := script(python, append([]string{"acctest/clients/check.py"}, args...)...); err != nil {
		return err
	}
	if _, err := script("node", append([]string{"acctest/clients/check.mjs"}, args...)...); err != nil {
		return err
	}
	if _, err := script("node", append([]string{"acctest/clients/check-node-redis.mjs"}, args...)...); err != nil {
		return err
	}
	return redisCLI(host, port, ca)
}

func cluster(e *harness.Emulator) (string, error) {
	ctx, api := context.Background(), e.API()
	_, err := api.CreateUser(ctx, &memorydb.CreateUserInput{UserName: aws.String(user), AccessString: aws.String("on ~* &* +@all"),
		AuthenticationMode: &types.AuthenticationMode{Type: types.InputAuthenticationTypePassword, Passwords: []string{password}}})
	if err != nil {
		return "", err
	}
	if _, err := api.CreateACL(ctx, &memorydb.CreateACLInput{ACLName: aws.String("checkers"), UserNames: []string{user}}); err != nil {
		return "", err
	}
	return e.CreateCluster(ctx, "clients", "checkers", 2, 1)
}

func script(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PASSWORD="+password, "REDISCLI_AUTH="+password)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	os.Stdout.Write(out)
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return string(out), nil
}

// redisCLI follows redirections by itself with -c, and reads the cluster's shape with --cluster check's commands.
func redisCLI(host, port, ca string) error {
	cli := []string{"-c", "--tls", "--cacert", ca, "-h", host, "-p", port, "--user", user}
	for _, tc := range []struct{ words, want string }{
		{"SET cli:a 1", "OK"}, {"SET cli:b 2", "OK"}, {"GET cli:a", "1"}, {"GET cli:b", "2"}, {"HSET cli:h f v", "1"}, {"CLUSTER KEYSLOT foo", "12182"}, {"DEL cli:a", "1"},
	} {
		out, err := script("redis-cli", append(cli, strings.Fields(tc.words)...)...)
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(out); got != tc.want {
			return fmt.Errorf("redis-cli %s: %q, want %q", tc.words, got, tc.want)
		}
	}
	fmt.Println("redis-cli -c works")
	return nil
}
