package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// spot is a workload at one distance from Redis.
type spot struct {
	Workload string `json:"workload"`
	What     string `json:"what"`
	Base     string `json:"base"`
	AtOnce   int    `json:"at_once"`
	// RTT is the delay that is added to every reply of Redis, in milliseconds. Measured is the
	// round-trip time that a single client measures on an idle machine, which includes the time of
	// Redis, loopback and the relay.
	RTT      float64            `json:"rtt_ms"`
	Measured float64            `json:"measured_rtt_ms"`
	Jitter   float64            `json:"jitter_ms,omitempty"` // up to so much more
	Pool     int                `json:"pool,omitempty"`      // connections of each process; 0 is its default
	Summary  map[string]summary `json:"summary"`
	Turns    []turn             `json:"turns"`

	part []*server
	do   step
}

// spotRepetitions is the maximum number of repetitions for each spot, because there are many spots.
const spotRepetitions = 3

// remoteRTTs are the distances at which the other workloads are measured again.
var remoteRTTs = []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond}

// goesFar are the systems that are measured with Redis at a distance.
func goesFar(s system) bool {
	return s.hasSessions() && s.Name != goth && s.Name != msalNode && !s.usesH2()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// distanceWorkload measures requests of many users for their own ID, with pools that are smaller than
// the number of users.
func distanceWorkload(ctx context.Context, b *bench) (*result, error) {
	var spots []spot
	for _, pool := range b.options.pools {
		for _, rtt := range b.options.rtts {
			part, err := b.at(ctx, rtt, pool, func(s system) bool { return s.Session != "" && s.Name != oursTwice && s.Name != oursOnV3 })
			if err != nil {
				return nil, err
			}
			spots = append(spots, spot{
				Workload: "session", What: "who is it?", Base: bareGet, AtOnce: b.options.crowd, Pool: pool,
				RTT: milliseconds(rtt), part: part, do: getAs(func(s system) string { return s.Session }),
			})
		}
	}
	return b.spots(ctx, "distance", "a signed-in request that only asks who it is, with Redis at a distance", spots)
}

// remoteWorkload repeats the other workloads with a distant Redis.
func remoteWorkload(ctx context.Context, b *bench) (*result, error) {
	var spots []spot
	var storming []*server
	pool := b.options.pools[0]
	for _, rtt := range remoteRTTs {
		all, err := b.at(ctx, rtt, pool, func(system) bool { return true })
		if err != nil {
			return nil, err
		}
		add := func(workload, what, base string, atOnce int, takesPart func(system) bool, do step) {
			part := slices.DeleteFunc(slices.Clone(all), func(s *server) bool { return !takesPart(s.system) })
			spots = append(spots, spot{Workload: workload, What: what, Base: base, AtOnce: atOnce, Pool: pool, RTT: milliseconds(rtt), part: part, do: do})
		}
		page := func(workload, what, base string, path func(system) string) {
			add(workload, what, base, b.options.connections, func(s system) bool { return path(s) != "" }, getAs(path))
		}
		page("session", "who is it?", bareGet, func(s system) string { return s.Session })
		page("graph", "with the user's token", fiberFloor, func(s system) string { return s.Graph })
		page("typed", "with the typed SDK", fiberFloor, func(s system) string { return s.Typed })
		add("signin", "signing in", ours, b.options.signIns, signsIn, b.signingIn)
		storming = append(storming, slices.DeleteFunc(all, func(s *server) bool { return s.Login == "" })...)
	}
	r, err := b.spots(ctx, "remote", "the workloads above, with Redis at a distance", spots)
	if err != nil {
		return nil, err
	}
	r.Storms, err = b.storms(ctx, storming)
	return r, err
}

// spots measures all spots in each repetition. The systems at one spot are measured directly after each
// other.
func (b *bench) spots(ctx context.Context, name, title string, spots []spot) (*result, error) {
	r := &result{Workload: name, Title: title, Seconds: b.options.duration.Seconds(), Systems: map[string]string{}, Spots: spots}
	for i := range spots {
		s := &spots[i]
		s.Jitter = milliseconds(b.options.jitter)
		var err error
		if s.Measured, err = s.part[0].roundTrip(ctx); err != nil {
			return nil, err
		}
	}
	repetitions := min(b.options.repetitions, spotRepetitions)
	for repetition := range repetitions {
		for i := range spots {
			s := &spots[i]
			label := fmt.Sprintf("%s/%gms/pool%d", s.Workload, s.RTT, s.Pool)
			turns, err := b.repetition(ctx, label, repetition, repetition == repetitions-1, s.AtOnce, s.part, s.do)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", label, err)
			}
			s.Turns = append(s.Turns, turns...)
		}
	}
	for i := range spots {
		s := &spots[i]
		s.Summary = map[string]summary{}
		for _, one := range s.part {
			s.Summary[one.Name], _ = summarize(s.Turns, one.Name, s.Base)
			r.Systems[one.Name] = one.About
		}
	}
	return r, nil
}

// at starts systems again at the given distance from the same Redis, with the same signed-in users.
func (b *bench) at(ctx context.Context, rtt time.Duration, pool int, takesPart func(system) bool) (part []*server, err error) {
	for _, near := range b.servers {
		if !goesFar(near.system) || !takesPart(near.system) {
			continue
		}
		s := &server{system: near.system, redis: near.redis, shares: true, rtt: rtt, emulator: near.emulator, users: near.users, record: near.record, public: near.public}
		b.remote = append(b.remote, s)
		part = append(part, s)
		u, err := url.Parse(near.redis.url)
		if err != nil {
			return nil, err
		}
		if rtt > 0 {
			if u.Host, err = s.startLink(ctx, b, u.Host); err != nil {
				return nil, err
			}
		}
		u.RawQuery = "pool_size=" + strconv.Itoa(pool)
		if err := s.launch(ctx, b, u.String()); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return part, nil
}

// startLink starts the link to Redis, and returns the address on which it listens.
func (s *server) startLink(ctx context.Context, b *bench, redis string) (string, error) {
	name, err := b.build(ctx, "./link")
	if err != nil {
		return "", err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(name, redis, s.rtt.String(), b.options.jitter.String())
	cmd.Stdout = in
	s.link, err = spawn(cmd)
	if err = errors.Join(err, in.Close()); err != nil {
		return "", errors.Join(err, out.Close())
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		<-s.link.exited
		err = fmt.Errorf("link: %w: %s", err, s.link.said.String())
	}
	s.linked = strings.TrimSpace(line)
	return s.linked, errors.Join(err, out.Close())
}

// roundTrip is the median time of a PING over the same connection path as the server's commands, in
// milliseconds.
func (s *server) roundTrip(ctx context.Context) (float64, error) {
	target := s.redis.client.Options().Addr
	if s.link != nil {
		target = s.linked
	}
	client := redisClient(target)
	times := make([]float64, 21)
	for i := range times {
		began := time.Now()
		if err := client.Ping(ctx).Err(); err != nil {
			return 0, errors.Join(err, client.Close())
		}
		times[i] = milliseconds(time.Since(began))
	}
	return spreadOf(times).Median, client.Close()
}
