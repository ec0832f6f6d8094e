// Two small programs of a node, in one binary that is the one that it is called.
//
// pause: the first process of the node and of each pod. It does nothing but reap what others leave, until it is told to end.
// door ADDRESS DESCRIPTOR: takes connections on the socket that it has been given, and passes them on to ADDRESS. The socket
// may belong to another network namespace: this is how a cluster without a network is reached from outside.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
)

func main() {
	switch name := filepath.Base(os.Args[0]); {
	case name == "pause":
		pause()
	case name == "door" && len(os.Args) == 3:
		log.Fatal(door(os.Args[1], os.Args[2]))
	default:
		fmt.Fprintf(os.Stderr, "%s: call this pause, or door ADDRESS DESCRIPTOR\n", name)
		os.Exit(2)
	}
}

func pause() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGINT, syscall.SIGTERM)
	for each := range signals {
		if each != syscall.SIGCHLD {
			return
		}
		for {
			if reaped, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); reaped <= 0 || err != nil {
				break
			}
		}
	}
}

func door(address, descriptor string) error {
	number, err := strconv.Atoi(descriptor)
	if err != nil {
		return err
	}
	listener, err := net.FileListener(os.NewFile(uintptr(number), "listener"))
	if err != nil {
		return err
	}
	for {
		outer, err := listener.Accept()
		if err != nil {
			return err
		}
		go pass(outer.(*net.TCPConn), address)
	}
}

// pass copies both ways; the end of one way is passed on, and the other goes on until it ends by itself.
func pass(outer *net.TCPConn, address string) {
	defer outer.Close()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		log.Print(err)
		return
	}
	inner := connection.(*net.TCPConn)
	defer inner.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(inner, outer)
		_ = inner.CloseWrite()
	}()
	_, _ = io.Copy(outer, inner)
	_ = outer.CloseWrite()
	<-done
}
