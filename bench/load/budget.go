package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// budget is a documented limit together with the measured value.
type budget struct {
	What, Promise, Measured string
	Kept                    bool
}

// budgets returns the budgets that can be computed from the available results.
func (r *report) budgets() (all []budget) {
	add := func(what, promise, measured string, kept bool) {
		all = append(all, budget{what, promise, measured, kept})
	}
	ratioOf := func(workload, system, base string) float64 {
		w := r.Results[workload]
		if w == nil || w.Summary[base].CPU.Median == 0 {
			return 0
		}
		return pairedRatio(w.Turns, system, base)
	}
	within := func(what, workload, base string, most float64) {
		for _, system := range []string{ours, oursOnV3} {
			if x := ratioOf(workload, system, base); x > 0 {
				add(what, fmt.Sprintf("at most %.2f x", most), fmt.Sprintf("%.2f x", x), x <= most)
			}
			what += ", on Fiber v3"
		}
	}
	within("signed-in request on Redis, over a bare handler doing one GET", "session", bareGet, 1.05)
	within("the same, over Fiber's session middleware", "session", fiberFloor, 1)
	within("the same for one user after the other", "session-one", fiberFloor, 1)
	within("with a call of Graph by the raw token, over the same without sign-in", "graph", fiberFloor, 1.05)
	within("call of an API with a remembered access token, over contrib/jwt", "bearer", contribJWT, 0.5)
	within("call of an API with a remembered access token, over jwx", "bearer", jwx, 0.5)
	within("call of an API with a new access token, over contrib/jwt", "bearernew", contribJWT, 1.05)
	within("call of an API with a new access token, over jwx", "bearernew", jwx, 1.05)
	if typed, raw, peer := r.cpu("typed", fiberFloor), r.cpu("graph", fiberFloor), r.cpu("graph", goth); typed > 0 && raw > 0 && peer > 0 {
		mine := r.cpu("typed", ours)
		add("with a typed call of Graph, over goth_fiber and what the SDK costs", "at most 1.00 x", fmt.Sprintf("%.2f x", mine/(peer+typed-raw)), mine <= peer+typed-raw)
	}
	for _, row := range []struct {
		what, workload string
		most           float64
	}{
		{"with a call of Graph by the raw token over HTTP/2, over the same without sign-in", "graph-h2", 1.05},
		{"with a typed call of Graph over HTTP/2, over the same without sign-in", "typed-h2", 1.05},
	} {
		if x := ratioOf(row.workload, oursOnH2, floorOnH2); x > 0 {
			add(row.what, fmt.Sprintf("at most %.2f x", row.most), fmt.Sprintf("%.2f x", x), x <= row.most)
		}
	}
	cheaper := func(what, workload, base string, least float64) {
		if x := ratioOf(workload, ours, base); x > 0 {
			add(what+base, fmt.Sprintf("at least %.1f x cheaper", least), fmt.Sprintf("%.1f x", 1/x), 1/x >= least)
		}
	}
	cheaper("sign-in, against ", "signin", goth, 3.5)
	cheaper("sign-in of one user after the other, against ", "signin-one", goth, 2.5)
	cheaper("sign-in, against ", "signin", msalNode, 5)
	r.distanceBudgets(add)
	r.countedBudgets(add)
	r.memoryBudgets(add)
	r.microBudgets(add)
	return all
}

// distanceBudgets are the budgets for many users with a distant Redis, for the worst of all pool sizes.
func (r *report) distanceBudgets(add func(what, promise, measured string, kept bool)) {
	w := r.Results["distance"]
	if w == nil {
		return
	}
	failures := 0
	least := map[float64]float64{}
	for _, s := range w.Spots {
		mine := s.Summary[ours]
		failures += mine.Refused + mine.Failed
		if slowest, ok := least[s.RTT]; !ok || mine.Speed.Median < slowest {
			least[s.RTT] = mine.Speed.Median
		}
	}
	for _, rtt := range slices.Sorted(maps.Keys(least)) {
		floor := 1.0
		if rtt >= 5 {
			floor = 1.5
		}
		add(fmt.Sprintf("requests a second with Redis %g ms away, over a bare handler doing one GET", rtt),
			fmt.Sprintf("at least %.2f x", floor), fmt.Sprintf("%.2f x", least[rtt]), least[rtt] >= floor)
	}
	add("requests refused or failed with Redis at any of these distances", "0", strconv.Itoa(failures), failures == 0)
}

// microBudgets are the budgets of one process, from Go's benchmarks.
func (r *report) microBudgets(add func(what, promise, measured string, kept bool)) {
	of := map[string]micro{}
	for _, m := range r.Micro {
		of[m.Name] = m
	}
	bare, mine := of["Request/app=bare/asks=nobody/goroutines=1"], of["Request/app=fibermsal/asks=user/storage=memory/goroutines=1"]
	fiber, token := of["Request/app=session/asks=user/storage=memory/goroutines=1"], of["Token/app=fibermsal/from=memory"]
	if bare.Name == "" || mine.Name == "" || fiber.Name == "" || token.Name == "" {
		return
	}
	more, allocations := mine.Nanoseconds-bare.Nanoseconds, mine.Allocations-bare.Allocations
	add("signed-in request on memory, over a bare handler", "at most 3 us and 12 allocations",
		fmt.Sprintf("%s and %d", ns(more), allocations), more <= 3000 && allocations <= 12)
	x := fiber.Nanoseconds / mine.Nanoseconds
	add("the same, against Fiber's session", "at least 5 x cheaper", fmt.Sprintf("%.1f x", x), x >= 5)
	add("token from the warm cache", "at most 1 us", ns(token.Nanoseconds), token.Nanoseconds <= 1000)
}

// countedBudgets are the budgets for numbers of commands and calls, which do not depend on noise.
func (r *report) countedBudgets(add func(what, promise, measured string, kept bool)) {
	if w := r.Results["graph"]; w != nil {
		for _, system := range []string{ours, oursOnV3} {
			if s := w.Summary[system]; s.Redis > 0 {
				add("Redis commands of a signed-in request that uses a token, "+system, "1", fmt.Sprintf("%.3f", s.Redis), s.Redis < 1.005)
			}
		}
	}
	for _, name := range []string{"bearer", "bearernew"} {
		if w := r.Results[name]; w != nil {
			for _, system := range []string{ours, oursOnV3} {
				if s := w.Summary[system]; s.CPU.Median > 0 {
					add("Redis commands of "+w.Title+", "+system, "0", fmt.Sprintf("%.3f", s.Redis), s.Redis < 0.005)
				}
			}
		}
	}
	if w := r.Results["signin"]; w != nil {
		for _, system := range []string{ours, oursOnV3} {
			if s := w.Summary[system]; s.Entra > 0 {
				add("token calls of a sign-in, "+system, "1", fmt.Sprintf("%.3f", s.Entra), s.Entra < 1.005)
				add("Redis commands of a sign-in, "+system, "at most 17", fmt.Sprintf("%.2f", s.Redis), s.Redis <= 17)
			}
		}
	}
	if w := r.Results["storm"]; w != nil {
		for _, s := range w.Storms {
			if s.System != ours && s.System != oursOnV3 && s.System != oursTwice {
				continue
			}
			add(fmt.Sprintf("%d requests at once on an expired token, %s", w.AtOnce, s.System), "1 token call, all succeed",
				fmt.Sprintf("%d calls in %d storms, %d of %d", sum(s.Calls), len(s.Calls), s.Succeeded, s.Requests), sum(s.Calls) == len(s.Calls) && s.Succeeded == s.Requests)
		}
	}
	if w := r.Results["tokens"]; w != nil && len(w.Growth) > 1 {
		few, many := w.Growth[0], w.Growth[len(w.Growth)-1]
		x := many.Session.CPU / few.Session.CPU
		add(fmt.Sprintf("token request among %d sessions, over %d", many.Sessions, few.Sessions), "at most 1.30 x, 1 command",
			fmt.Sprintf("%.2f x, %.2f commands", x, many.Session.Redis), x <= 1.3 && many.Session.Redis < 1.005)
		add("Redis bytes of a session with tokens", "at most 5 kB", strconv.FormatInt(many.PerSession, 10), many.PerSession <= 5000)
	}
	if w := r.Results["growth"]; w != nil && len(w.Growth) > 3 {
		few, many := w.Growth[3], w.Growth[len(w.Growth)-1]
		x := many.LookUp.P50 / few.LookUp.P50
		add(fmt.Sprintf("time of a worker's look-up among %d sessions, over %d", many.Sessions, few.Sessions), "flat: at most 1.20 x, 4 commands",
			fmt.Sprintf("%.2f x, %.2f commands", x, many.LookUp.Redis), x <= 1.2 && many.LookUp.Redis < 4.005)
	}
}

func (r *report) cpu(workload, system string) float64 {
	if w := r.Results[workload]; w != nil {
		return w.Summary[system].CPU.Median
	}
	return 0
}

// pairedRatio is the median of the ratios within each repetition.
func pairedRatio(turns []turn, system, base string) float64 {
	cpu := map[string]map[int]float64{system: {}, base: {}}
	for _, t := range turns {
		if cpu[t.System] != nil {
			cpu[t.System][t.Repetition] = t.CPU
		}
	}
	var ratios []float64
	for repetition, x := range cpu[system] {
		if divisor := cpu[base][repetition]; divisor > 0 {
			ratios = append(ratios, x/divisor)
		}
	}
	return spreadOf(ratios).Median
}
