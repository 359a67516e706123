// Serves exec for the virtual kubelet: speaks the kubelet's streaming protocol with the API server, asks the kubelet
// what a command means, and runs it in the network namespace that it is told.
//
// The listening socket is inherited. The process ends when its standard input does, so it never outlives the kubelet.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	listening := flag.Int("listener", -1, "inherited descriptor of the socket that listens")
	kubelet := flag.String("kubelet", "", "unix socket on which the kubelet answers what to run")
	authority := flag.String("client-ca", "", "file with the certificates that may sign clients' certificates")
	names := flag.String("client-names", "", "comma-separated common names that may execute commands; empty is nobody")
	certificate := flag.String("cert", "", "file with the certificate to serve with; without, one is made")
	key := flag.String("key", "", "file with its key")
	flag.Parse()
	config, err := tlsConfig(*authority, strings.Split(*names, ","), *certificate, *key)
	if err == nil {
		err = serve(*listening, config, *kubelet)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serve(listening int, config *tls.Config, kubelet string) error {
	listener, err := net.FileListener(os.NewFile(uintptr(listening), "listener"))
	if err != nil {
		return fmt.Errorf("no socket to listen on was handed over: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	server := &http.Server{
		Handler:           handler(kubelet),
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:         config,
		// Streams need the connection to themselves, which HTTP/2 does not give.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	return server.ServeTLS(listener, "", "")
}

// tlsConfig lets in clients with a certificate of the authority that bears one of the names, and nobody else.
func tlsConfig(authority string, names []string, certificate, key string) (*tls.Config, error) {
	own, err := ownCertificate(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("cannot serve with that certificate: %w", err)
	}
	text, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in it", authority)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
		MinVersion:   tls.VersionTLS12,
		VerifyConnection: func(state tls.ConnectionState) error {
			name := state.PeerCertificates[0].Subject.CommonName
			if name == "" || !slices.Contains(names, name) {
				return errors.New("this client may not execute commands")
			}
			return nil
		},
	}, nil
}

// ownCertificate reads the certificate to serve with, or makes one for loopback that nobody has signed.
func ownCertificate(certificate, key string) (tls.Certificate, error) {
	if certificate != "" {
		return tls.LoadX509KeyPair(certificate, key)
	}
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: secret}, nil
}
