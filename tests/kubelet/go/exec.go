package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

const (
	idle     = 10 * time.Minute
	creation = 30 * time.Second
)

// handler serves what an API server asks a kubelet for when somebody executes a command.
func handler(kubelet string) http.Handler {
	mux := http.NewServeMux()
	serve := func(w http.ResponseWriter, r *http.Request) {
		options, err := remotecommand.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		where := question{
			Namespace: r.PathValue("namespace"),
			Pod:       r.PathValue("pod"),
			UID:       r.PathValue("uid"),
			Container: r.PathValue("container"),
		}
		remotecommand.ServeExec(w, r, executor{kubelet, where}, "", "", "", r.Form["command"], options,
			idle, creation, remotecommand.SupportedStreamingProtocols)
	}
	// WebSockets come as GET, SPDY as POST.
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", serve)
	mux.HandleFunc("/exec/{namespace}/{pod}/{uid}/{container}", serve)
	return mux
}

type executor struct {
	kubelet string
	where   question
}

// ExecInContainer asks the kubelet what the command means, and does that.
func (e executor) ExecInContainer(ctx context.Context, _, _, _ string, command []string,
	in io.Reader, out, errors io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	asked := e.where
	asked.Command = command
	answer, err := ask(ctx, e.kubelet, asked)
	if err != nil {
		return err
	}
	defer answer.close()
	if answer.Program == "" {
		return answer.repeat(out, errors)
	}
	return answer.run(ctx, in, out, errors)
}
