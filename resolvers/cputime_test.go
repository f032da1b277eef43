package resolvers_test

import (
	"syscall"
	"time"
)

// cpuTime is what the process has taken of the processor.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
