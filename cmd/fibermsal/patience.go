package main

import (
	"time"

	fiberredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"
)

// patience is how long a command to Redis may take. The app gives up after a fraction of
// a second, for somebody waits for a page; here a million sessions are read, and one
// hiccup should not be the end of it.
const patience = 10 * time.Second

// patient lets the storage wait. It has the same connections, so closing one is enough.
func (t *tool) patient() {
	storage, ok := t.cfg.Storage.(*fiberredis.Storage)
	if !ok {
		return
	}
	if client, ok := storage.Conn().(*redis.Client); ok {
		t.cfg.Storage = fiberredis.NewFromConnection(client.WithTimeout(patience))
	}
}
