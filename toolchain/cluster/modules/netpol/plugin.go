package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

const versions = `{"cniVersion": "1.0.0", "supportedVersions": ["1.0.0"]}`

// plugin does what the runtime asks of a network's plugin. What is there for a pod goes with the pod by itself.
func plugin(command string) error {
	switch command {
	case "VERSION":
		_, err := io.WriteString(os.Stdout, versions)
		return err
	case "ADD":
		return add()
	}
	return nil
}

// add returns when the rules for a new pod are in force, and passes on what the plugins before it have made.
func add() error {
	var given struct {
		Result json.RawMessage `json:"prevResult"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		return err
	}
	var result struct {
		IPs []struct{ Address netip.Prefix }
	}
	if err := json.Unmarshal(given.Result, &result); err != nil {
		return err
	}
	if len(result.IPs) != 1 {
		return fmt.Errorf("not one address in %s", given.Result)
	}
	pod := url.Values{"address": {result.IPs[0].Address.Addr().String()}}
	for _, each := range strings.Split(os.Getenv("CNI_ARGS"), ";") {
		if uid, is := strings.CutPrefix(each, "K8S_POD_UID="); is {
			pod.Set("uid", uid)
		}
	}
	answer, err := http.PostForm("http://"+server+"/pods", pod)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if said, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		return fmt.Errorf("netpol: %s", said)
	}
	_, err = os.Stdout.Write(given.Result)
	return err
}
