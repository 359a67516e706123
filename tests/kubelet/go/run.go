package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
	utilexec "k8s.io/utils/exec"
)

// run runs the program in its namespace, until it ends or the one that wanted it goes away.
func (r *reply) run(ctx context.Context, in io.Reader, out, complaints io.Writer) error {
	if r.namespace == nil {
		return errors.New("the kubelet named a program, and no namespace to run it in")
	}
	ended := make(chan error, 1)
	go func() { ended <- r.runHere(ctx, in, out, complaints) }()
	return <-ended
}

// runHere must be called in a goroutine of its own. Its thread stays in the namespace and therefore ends with it; it
// has to last as long as the child does, which is told to end with the thread that made it.
func (r *reply) runHere(ctx context.Context, in io.Reader, out, complaints io.Writer) error {
	runtime.LockOSThread()
	if err := unix.Setns(int(r.namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("cannot enter the pod's network: %w", err)
	}
	command := exec.CommandContext(ctx, r.Program, r.Arguments...)
	command.Env = append([]string{}, r.Environment...)
	command.Dir = "/"
	command.Stdout, command.Stderr = out, complaints
	if in != nil {
		// Whoever asked may never end the input; that must not keep a command from ending.
		pipe, err := command.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(pipe, in)
			_ = pipe.Close()
		}()
	}
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code := exit.ExitCode()
		if code < 0 {
			code = 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
		}
		return utilexec.CodeExitError{Err: err, Code: code}
	}
	return err
}
