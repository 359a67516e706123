package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
	utilexec "k8s.io/utils/exec"
)

const largest = 1 << 20

// question is what somebody wants to be executed, and where; no UID is any pod of that name.
type question struct {
	Namespace string   `json:"namespace"`
	Pod       string   `json:"pod"`
	UID       string   `json:"uid"`
	Container string   `json:"container"`
	Command   []string `json:"command"`
}

// reply is what the kubelet makes of it: a program to run in the namespace that comes with it, or what to say at once.
type reply struct {
	Refused     string   `json:"refused"`
	Program     string   `json:"program"`
	Arguments   []string `json:"arguments"`
	Environment []string `json:"environment"`
	Said        string   `json:"said"`
	Complained  string   `json:"complained"`
	Code        int      `json:"code"`

	namespace *os.File
}

// ask sends one question and reads one reply; both are JSON, and each side closes its half when it has said all.
func ask(ctx context.Context, kubelet string, asked question) (*reply, error) {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "unix", kubelet)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	// Whoever asked may give up while the kubelet holds the answer back.
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	socket := connection.(*net.UnixConn)
	if err := json.NewEncoder(socket).Encode(asked); err != nil {
		return nil, err
	}
	if err := socket.CloseWrite(); err != nil {
		return nil, err
	}
	text, namespace, err := receive(socket)
	if err != nil {
		return nil, err
	}
	answer := &reply{namespace: namespace}
	if err := json.Unmarshal(text, answer); err != nil {
		answer.close()
		return nil, fmt.Errorf("the kubelet did not answer: %w", err)
	}
	if answer.Refused != "" {
		answer.close()
		return nil, errors.New(answer.Refused)
	}
	return answer, nil
}

// receive reads to the end, and takes the descriptor that may come with it.
func receive(socket *net.UnixConn) ([]byte, *os.File, error) {
	var text []byte
	var namespace *os.File
	buffer, beside := make([]byte, 1<<16), make([]byte, unix.CmsgSpace(4))
	for len(text) < largest {
		n, besides, _, _, err := socket.ReadMsgUnix(buffer, beside)
		if n == 0 && (err == nil || errors.Is(err, io.EOF)) {
			return text, namespace, nil
		}
		if err != nil {
			return nil, namespace, err
		}
		text = append(text, buffer[:n]...)
		messages, err := unix.ParseSocketControlMessage(beside[:besides])
		if err != nil {
			return nil, namespace, err
		}
		for _, message := range messages {
			descriptors, err := unix.ParseUnixRights(&message)
			if err != nil {
				return nil, namespace, err
			}
			for _, descriptor := range descriptors {
				unix.CloseOnExec(descriptor)
				namespace = os.NewFile(uintptr(descriptor), "namespace")
			}
		}
	}
	return nil, namespace, errors.New("the kubelet's answer is too long")
}

func (r *reply) close() {
	if r.namespace != nil {
		_ = r.namespace.Close()
	}
}

// repeat says what the kubelet found out by itself.
func (r *reply) repeat(out, complaints io.Writer) error {
	for _, part := range []struct {
		to   io.Writer
		text string
	}{{out, r.Said}, {complaints, r.Complained}} {
		if part.text != "" && part.to != nil {
			if _, err := io.WriteString(part.to, part.text); err != nil {
				return err
			}
		}
	}
	if r.Code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("exit status %d", r.Code), Code: r.Code}
	}
	return nil
}
