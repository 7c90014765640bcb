// Package filestore keeps records in a bbolt file that one process uses, for an app on a single
// server without Redis.
//
// Every change is a transaction, which is on disk when the call returns. Concurrent changes share a
// transaction. If a process is killed, each record is either completely changed or not changed at all.
// State that need not survive the process is in memory: locks, and the marks for sign-ins that must not
// begin a session, because no sign-in in progress survives the end of the process.
package filestore
