package segment

import (
	"errors"
	"os"
	"syscall"
)

// datasync writes a file's data and the metadata needed to find them. It is not retried after an error other than an interrupted call: the kernel
// may have marked the pages clean without having written them.
func datasync(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
