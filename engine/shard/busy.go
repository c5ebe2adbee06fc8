package shard

// Begin takes the turn. While a script runs for too long (Yield) it waits for the script's end.
func (s *Shard) Begin() *Turn {
	s.mu.Lock()
	for s.busy != nil {
		s.idle.Wait()
	}
	s.turn.now = s.cfg.Now().UnixMilli()
	return &s.turn
}

// Enter takes the turn for a client's call. While a script runs for too long it returns the error reply for the client, also to one that has been queueing for the turn;
// and while the shard is being filled.
func (s *Shard) Enter() (*Turn, error) {
	s.mu.Lock()
	err := s.busy
	if err == nil {
		err = s.filled()
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	s.turn.now = s.cfg.Now().UnixMilli()
	return &s.turn, nil
}

// Aside takes the turn even between two steps of a script that runs for too long: for what neither executes calls nor changes keys (WATCH, counters).
func (s *Shard) Aside() *Turn {
	s.mu.Lock()
	s.turn.now = s.cfg.Now().UnixMilli()
	return &s.turn
}

// Busy is the error reply for clients while a script runs for too long, else nil. It may be asked without the turn.
func (s *Shard) Busy() error {
	if err := s.told.Load(); err != nil {
		return *err
	}
	return nil
}

// Yield is called by a script that has run for too long, every now and then, from the goroutine that executes its call. It gives the turn up for a moment and takes it again:
// whoever waits for it to execute a call is refused with busy, the clients' error reply. Nothing else sees or changes the keys before the call
// has ended; that ends the refusals too. An error says that the node may not answer any more: the script should stop, its client is disconnected.
func (s *Shard) Yield(busy error) error {
	s.busy = busy
	s.told.Store(&busy)
	now := s.turn.now
	s.mu.Unlock()
	s.mu.Lock() // goes to those who have waited for long first: sync.Mutex is fair to them
	s.turn.now = now
	if s.halted.Load() {
		return ErrFenced
	}
	return s.answering()
}

// Halt makes a script that runs for too long end: Yield returns an error from now on. Whoever closes the node calls it once the script's time is over.
func (s *Shard) Halt() { s.halted.Store(true) }

// quiet ends what Yield began; the call that yielded has ended.
func (s *Shard) quiet() {
	if s.busy == nil {
		return
	}
	s.busy = nil
	s.told.Store(nil)
	s.idle.Broadcast()
}
