package main

// mutant is one broken promise: in file, old is replaced by new, and the test of pkg has to fail. seeds is MEMORYDB_SEEDS for tests that go by seed.
type mutant struct {
	name, promise  string
	file, old, new string
	pkg, test      string
	seeds          string
}

const sim = "SimulatedShard"

var mutants = []mutant{
	{
		"replies of writes don't wait for the log", "P1", "engine/server/conn.go",
		"if after > c.srv.cfg.Shard.Durable() {", "if false {",
		"./engine", "Hazard1RepliesOfChangesAreHeld/SET_k_v", "",
	},
	{
		"one zone is a majority", "P1", "engine/txlog/quorumlog/commit.go",
		"if b == q.flight && count(b.holders) >= Majority {", "if b == q.flight && count(b.holders) >= 1 {",
		"./engine/txlog/quorumlog", "SimulatedCrashes", "",
	},
	{
		"syncs of segments are skipped", "P1", "engine/txlog/segment/stream.go",
		"	if err := f.Sync(); err != nil {", "	if err := error(nil); err != nil {",
		"./engine/txlog/quorumlog", "SimulatedCrashes", "",
	},
	{
		"reads don't wait for changes of their keys", "P2", "engine/shard/hazard.go",
		"		after = s.hazardOf(one)", "		_ = one",
		"./engine/shard", "ReadOfPendingKeyIsHeld", "",
	},
	{
		"no hazard for keys that are gone", "P2", "engine/shard/hazard.go",
		"		after = max(after, s.pending.of(s.hash(c.Argv[k.Index])))", "		if _, there := s.db.Peek(c.Argv[k.Index]); there {\n\t\t\tafter = max(after, s.pending.of(s.hash(c.Argv[k.Index])))\n\t\t}",
		"./engine/shard", "ReadOfDeletedKeyIsHeld|LazyExpiry", "",
	},
	{
		"readers of the whole keyspace don't wait", "P2", "engine/shard/hazard.go",
		"	if c.Spec.Is(command.WholeKeyspace) {\n		return s.pending.newest()", "	if c.Spec.Is(command.WholeKeyspace) {\n		return 0",
		"./engine/shard", "WholeKeyspaceReadersAreHeld", "",
	},
	{
		"others hear of changes before they are durable", "P2", "engine/server/notify_courier.go",
		"func (q *courier) add(pos txlog.Pos, deliver func()) {\n", "func (q *courier) add(pos txlog.Pos, deliver func()) {\n\tpos = 0\n",
		"./engine", "Hazard6NoticesAreDeferred/keyspace_event$", "",
	},
	{
		"a transaction is a record for each of its commands", "P3", "engine/shard/turn.go",
		"		s.execute(t.now, c, writable)\n	}\n	after, fatal = s.finish(nil, calls)", "		s.execute(t.now, c, writable)\n\t\tafter, fatal = s.finish(c, nil)\n\t\ts.payload = s.payload[:0]\n	}\n	_ = after",
		"./engine/shard", "TransactionIsOneRecord", "",
	},
	{
		"a point of expiry is logged as seconds from now", "P3", "engine/datatype/expire_cmd.go",
		`c.Propagate([]byte("pexpireat"), key, strconv.AppendInt(nil, at, 10))`, `c.Propagate([]byte("pexpire"), key, strconv.AppendInt(nil, at-c.Now, 10))`,
		"./engine/datatype", "Effects|Replay", "",
	},
	{
		"an append after an old position is taken", "P4", "engine/txlog/memlog/memlog.go",
		"	if after != pos {", "	if after > pos {",
		"./engine/txlog/memlog", "Conformance", "",
	},
	{
		"a node that was overtaken keeps its memory", "P4", "engine/shard/apply.go",
		"	s.setDB(s.cfg.NewDB())\n	s.db.Limits = s.limits\n	old.Close()", "	_ = old",
		"./engine", sim, "20",
	},
	{
		"an overtaken primary answers", "P4", "engine/shard/turn.go",
		"	if s.Role() == Primary && s.log.Epoch() != s.epoch {\n		s.lose(txlog.ErrConflict)\n		s.observer.Dropped()\n		return 0, ErrFenced\n	}", "",
		"./engine/shard", "OvertakenPrimaryIsFenced", "",
	},
	{
		"the lease is not looked at", "P5", "engine/shard/lease.go",
		"	return s.cfg.Lease == 0 || s.cfg.Elapsed() < time.Duration(s.lease.Load())", "	return true",
		"./engine", "PausedPrimary|" + sim, "20",
	},
	{
		"the lease is not looked at before replies are sent", "P5", "engine/server/conn.go",
		"	if !c.led || c.srv.cfg.Shard.Leased() {", "	if true {",
		"./engine", "PausedPrimary", "",
	},
	{
		"the lease is counted from the end of the renewal", "P5", "engine/shard/lease.go",
		"		s.extend(from)", "		s.extend(from + s.cfg.Elapsed() - from)",
		"./engine/shard", "Lease", "",
	},
	{
		"a lead is taken though the leader has renewed", "P5", "engine/txlog/quorumlog/shard.go",
		"	if seen != 0 && seen != s.pulse.Load() {", "	if false {",
		"./engine/txlog/quorumlog", "Conformance", "",
	},
	{
		"back-off is shorter than the lease", "P5", "engine/replication/replication.go",
		"	return silent > m.cfg.Lease.Backoff\n", "	return silent > m.cfg.Lease.Renew*2\n",
		"./engine", "PausedPrimary|" + sim, "40",
	},
	{
		"records of newer engines are applied", "P8", "engine/shard/apply.go",
		"	if r.Engine > EngineVersion {", "	if false {",
		"./engine/shard", "NewerEngine", "",
	},
	{
		"the running checksum is not compared", "P3", "engine/shard/apply.go",
		"	if want := s.chain.Next(r.Pos, entry); want != r.Chain {", "	if want := s.chain.Next(r.Pos, entry); false {",
		"./engine/shard", "RunningChecksum", "",
	},
	{
		"evictions are not logged", "P9", "engine/shard/memory.go",
		"	s.payload = command.AppendEffect(s.payload, [][]byte{delName, key})", "	_ = command.AppendEffect(nil, [][]byte{delName, key})",
		"./engine", "Evict", "",
	},
	{
		"a snapshot is offered that nobody has read back", "P7", "engine/snapshot/take.go",
		"	if err := s.verify(ctx, src, m, libraries); err != nil {", "	if err := error(nil); err != nil {",
		"./engine/snapshot", "Take|Verif|Damage|Crash", "",
	},
	{
		"the log is trimmed before the snapshot", "P7", "engine/snapshot/keeper.go",
		"	before := k.newest.Pos\n", "	before := k.newest.Pos + 2\n",
		"./engine/snapshot", "Keeper|Trim", "",
	},
}
