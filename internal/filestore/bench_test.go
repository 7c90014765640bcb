package filestore_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/internal/filestore"
)

func benchmarked(b *testing.B) *filestore.Storage {
	b.Helper()
	s, err := filestore.Open(filepath.Join(b.TempDir(), "sessions.db"), filestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// BenchmarkGet reads one of some sessions.
func BenchmarkGet(b *testing.B) {
	backend := benchmarked(b).Backend()
	for i := range 20 {
		if err := backend.Set(b.Context(), fmt.Sprint("k", i), make([]byte, 1000), time.Hour); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if v, err := backend.Get(b.Context(), "k7"); err != nil || v == nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkSet waits for the disk, alone and with others.
func BenchmarkSet(b *testing.B) {
	for _, callers := range []int{1, 32} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			backend := benchmarked(b).Backend()
			var n atomic.Int64
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := backend.Set(b.Context(), fmt.Sprint("k", n.Add(1)), make([]byte, 1000), time.Hour); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
