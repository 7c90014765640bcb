package main

import "testing"

func TestValues_Amounts(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]amount{
		"1": {1, ""}, "1,234": {1234, ""}, "3.96, of 10000 sessions": {3.96, ""}, "1 and 1": {1, ""}, "20000, 4321 a second": {20000, ""},
		"212ms": {0.212, "s"}, "212 ms": {0.212, "s"}, "1m3s": {63, "s"}, "18.2 s": {18.2, "s"}, "1.5s, of 2000": {1.5, "s"}, "0s": {0, "s"}, "800µs": {0.0008, "s"},
		"0.4 MB": {0.4 * (1 << 20), "B"}, "10MB": {10 << 20, "B"}, "512 kB of 30 requests": {512 << 10, "B"},
		"0 of 20": {0, "%"}, "31 of 300": {100 * 31.0 / 300, "%"}, "19 %": {19, "%"}, "0 of 5, of 1000000 inputs": {0, "%"},
	} {
		if got, ok := amountOf(value); !ok || got != want {
			t.Errorf("%q: %v %v, want %v", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "none", "v9.17.3", "0 of 0"} {
		if got, ok := amountOf(value); ok {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestValues_OfSeveralCasesAreOne(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		values []string
		want   string
	}{
		{[]string{"1"}, "1"},
		{[]string{"1", "1", "1"}, "1 (3 cases)"},
		{[]string{"0 of 20"}, "0 of 20"},
		{[]string{"0 of 20", "1 of 1000"}, "1 of 1,020 (2 cases)"},
		{[]string{"1.2s", "300ms", "900ms"}, "300ms to 1.2s (3 cases)"},
		{[]string{"10", "9"}, "9 to 10 (2 cases)"},
		{[]string{"yes", "3"}, "3; yes (2 cases)"},
	} {
		if got := (summary{"x", row.values}).String(); got != row.want {
			t.Errorf("%q: %q, want %q", row.values, got, row.want)
		}
	}
}
