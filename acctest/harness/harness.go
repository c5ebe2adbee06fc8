// Package harness runs the emulator as a process of its own, for programs that kill it, measure it, or try other people's clients on it.
package harness

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
)

// Emulator is an emulator process.
type Emulator struct {
	// Program is the binary, Data its data folder.
	Program, Data string
	// Flags are given to the program beside those of its address and data.
	Flags []string
	// Log takes what the process prints; nil drops it.
	Log io.Writer
	// Address is where the API listens, HOST:PORT; Start chooses a free port if it is empty.
	Address string
	process *exec.Cmd
}

// Start starts the process and waits until its API is ready.
func (e *Emulator) Start() error {
	if e.Address == "" {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		e.Address = ln.Addr().String()
		if err := ln.Close(); err != nil {
			return err
		}
	}
	e.process = exec.Command(e.Program, append([]string{"--listen", e.Address, "--data", e.Data}, e.Flags...)...)
	e.process.Stderr = e.Log
	if err := e.process.Start(); err != nil {
		return err
	}
	return Eventually(30*time.Second, func() error {
		_, err := Get(e.URL() + "/health")
		return err
	})
}

// Pid is the id of the process.
func (e *Emulator) Pid() int { return e.process.Process.Pid }

// URL is the API's.
func (e *Emulator) URL() string { return "http://" + e.Address }

// Kill ends the process as a power cut would (SIGKILL) and waits until it is gone.
func (e *Emulator) Kill() error {
	if err := e.process.Process.Kill(); err != nil {
		return err
	}
	_ = e.process.Wait() // it says that the process was killed
	return nil
}

// API is a client of the management API, with the default key.
func (e *Emulator) API() *memorydb.Client {
	return memorydb.New(memorydb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(e.URL()),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// CreateCluster creates a cluster and waits until it is available. It returns the cluster's endpoint as HOST:PORT.
func (e *Emulator) CreateCluster(ctx context.Context, name, acl string, shards, replicas int) (string, error) {
	api := e.API()
	_, err := api.CreateCluster(ctx, &memorydb.CreateClusterInput{
		ClusterName: aws.String(name), NodeType: aws.String("db.t4g.small"), ACLName: aws.String(acl),
		NumShards: aws.Int32(int32(shards)), NumReplicasPerShard: aws.Int32(int32(replicas)),
	})
	if err != nil {
		return "", err
	}
	var address string
	err = Eventually(30*time.Second, func() error {
		out, err := api.DescribeClusters(ctx, &memorydb.DescribeClustersInput{ClusterName: aws.String(name)})
		if err != nil {
			return err
		}
		cl := out.Clusters[0]
		if aws.ToString(cl.Status) != "available" {
			return fmt.Errorf("cluster %s is %s", name, aws.ToString(cl.Status))
		}
		address = net.JoinHostPort(aws.ToString(cl.ClusterEndpoint.Address), strconv.Itoa(int(cl.ClusterEndpoint.Port)))
		return nil
	})
	return address, err
}

// CA is the certificate that signs the clusters' nodes, in PEM.
func (e *Emulator) CA() ([]byte, error) { return Get(e.URL() + "/_ca.pem") }

// TLS trusts that certificate.
func (e *Emulator) TLS() (*tls.Config, error) {
	pem, err := e.CA()
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("/_ca.pem holds no certificate")
	}
	return &tls.Config{RootCAs: roots}, nil
}

// Get is the body of an answer 200.
func Get(url string) ([]byte, error) {
	resp, err := http.Get(url)
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

// Eventually asks until the answer is nil or the time is over.
func Eventually(d time.Duration, ask func() error) error {
	deadline := time.Now().Add(d)
	for {
		err := ask()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}
