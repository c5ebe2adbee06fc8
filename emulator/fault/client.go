package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client asks an emulator's API for faults.
type Client struct {
	// Endpoint is the emulator's URL.
	Endpoint string
}

// Begin begins a fault. Errors of all methods: *Error if the emulator refuses, others if it can't be asked.
func (c *Client) Begin(ctx context.Context, f Fault) (Fault, error) {
	var answer Fault
	err := c.ask(ctx, http.MethodPost, "", f, &answer)
	return answer, err
}

// List lists the faults that go on.
func (c *Client) List(ctx context.Context) ([]Fault, error) {
	var answer List
	err := c.ask(ctx, http.MethodGet, "", nil, &answer)
	return answer.Faults, err
}

// Heal ends a fault.
func (c *Client) Heal(ctx context.Context, id string) (Fault, error) {
	var answer Fault
	err := c.ask(ctx, http.MethodDelete, "/"+url.PathEscape(id), nil, &answer)
	return answer, err
}

// HealAll ends all faults.
func (c *Client) HealAll(ctx context.Context) ([]Fault, error) {
	var answer List
	err := c.ask(ctx, http.MethodDelete, "", nil, &answer)
	return answer.Faults, err
}

func (c *Client) ask(ctx context.Context, method, path string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode fault: %w", err)
		}
		sent = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Endpoint, "/")+"/_faults"+path, sent)
	if err != nil {
		return fmt.Errorf("endpoint %s: %w", c.Endpoint, err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask the emulator: %w", err)
	}
	defer resp.Body.Close()
	d := json.NewDecoder(resp.Body)
	if resp.StatusCode >= http.StatusMultipleChoices {
		var refused refusal
		if err := d.Decode(&refused); err != nil || refused.Error == nil {
			return fmt.Errorf("%s %s: %s: is it an emulator of this version?", method, r.URL, resp.Status)
		}
		refused.Error.Status = resp.StatusCode
		return refused.Error
	}
	if err := d.Decode(answer); err != nil {
		return fmt.Errorf("read the emulator's answer: %w", err)
	}
	return nil
}
