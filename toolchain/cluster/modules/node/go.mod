module ai-datacenter/toolchain/cluster/node

go 1.25.11
