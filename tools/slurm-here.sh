#!/usr/bin/env bash
# A Slurm cluster on this one machine, for tests.
#
#   eval "$(tools/slurm-here.sh start FOLDER [NODES])"     prints `export SLURM_CONF=..`; a short FOLDER, as sockets lie in it
#   tools/slurm-here.sh stop FOLDER
#
# Nodes of one core each, daemons on 127.0.0.1 alone, all that they write in FOLDER. Needs root and Debian's slurm-wlm and munge, which
# it installs where they are missing. It fails, with a line that says why, where it cannot.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
fail() { echo "slurm-here: $*" >&2; exit 1; }

# Whether the process in a file is one of ours: ids are given again.
lives() {
    local process
    process=$(cat "$1" 2>/dev/null) && [ -n "$process" ] && tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null | grep -qF "$folder"
}

start() {
    [ "$(id -u)" = 0 ] || fail "only root can run it"
    if ! command -v slurmctld slurmd munged >/dev/null; then
        command -v apt-get >/dev/null || fail "no Slurm here, and no apt-get to install it with"
        echo "slurm-here: installing slurm-wlm and munge" >&2
        export DEBIAN_FRONTEND=noninteractive
        local install=(apt-get install -y --no-install-recommends slurm-wlm munge)
        { "${install[@]}" || { apt-get update && "${install[@]}"; }; } >"$folder/apt.log" 2>&1 || fail "$(tail -n 1 "$folder/apt.log")"
    fi
    export SLURM_CONF=$folder/slurm.conf
    [ -s "$SLURM_CONF" ] || configure
    local run=$folder/run node
    if ! lives "$run/munged.pid"; then
        rm -f "$run"/munge.socket*
        munged --key-file="$folder/key" --socket="$run/munge.socket" --pid-file="$run/munged.pid" \
            --log-file="$folder/log/munged" --seed-file="$run/seed" </dev/null >&2 || fail "munged does not start"
    fi
    lives "$run/slurmctld.pid" || slurmctld -f "$SLURM_CONF" </dev/null >&2 || fail "slurmctld does not start"
    for node in $(sed -n 's/^NodeName=\([^ ]*\) .*/\1/p' "$SLURM_CONF"); do
        lives "$run/$node.pid" || slurmd -N "$node" -f "$SLURM_CONF" </dev/null >&2 || fail "slurmd does not start"
    done
    local try
    for try in $(seq 200); do
        if ! sinfo --noheader --Node --format=%t 2>/dev/null | grep -qvE '^(idle|mix|alloc|comp)$' && sinfo --noheader | grep -q .; then
            echo "export SLURM_CONF=$SLURM_CONF"
            return
        fi
        sleep 0.1
    done
    fail "its nodes are not ready after 20 seconds; logs are in $folder/log"
}

configure() {
    mkdir -p "$folder"/{run,log,state,spool}
    # Others than root must get at sockets, and at what their jobs need.
    chmod 755 "$folder" "$folder"/{run,log,state,spool}
    (umask 077 && head -c 128 /dev/urandom >"$folder/key")
    local host port=$((20000 + RANDOM % 10000)) node
    host=$(hostname -s)
    # slurmd does not start where there is no file system of cgroups, unless it thinks of the old ones.
    echo "CgroupPlugin=cgroup/v1" >"$folder/cgroup.conf"
    {
        cat <<CONF
ClusterName=here
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# How long a job that is queued again waits, too: two minutes without it.
AuthInfo=socket=$folder/run/munge.socket,cred_expire=5
CredType=cred/munge
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/%n.pid
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldLogFile=$folder/log/slurmctld
SlurmdLogFile=$folder/log/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
# A node that is lost is told in half a minute: five minutes without it.
SlurmdTimeout=30
CONF
        for node in $(seq "$nodes"); do
            echo "NodeName=n$node NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + node)) CPUs=1 RealMemory=4000 State=UNKNOWN"
        done
        echo "PartitionName=main Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP"
    } >"$SLURM_CONF"
}

stop() {
    export SLURM_CONF=$folder/slurm.conf
    [ -s "$SLURM_CONF" ] || return 0
    local file process
    # Jobs get the chance to end while somebody is there to tell them.
    if lives "$folder/run/slurmctld.pid"; then
        timeout 10 scancel --quiet --user=root || true
        for _ in $(seq 50); do [ -z "$(timeout 10 squeue --noheader || true)" ] && break; sleep 0.1; done
    fi
    for file in "$folder"/run/slurmctld.pid "$folder"/run/n*.pid "$folder"/run/munged.pid; do
        lives "$file" || continue
        process=$(cat "$file")
        kill "$process" || true
        for _ in $(seq 50); do [ -e "/proc/$process" ] || break; sleep 0.1; done
        [ ! -e "/proc/$process" ] || kill -KILL "$process" || true
    done
    rm -f "$folder"/run/*
}

[ $# -ge 2 ] || fail "start FOLDER [NODES] or stop FOLDER"
mkdir -p "$2"
folder=$(cd "$2" && pwd -P)
nodes=${3:-3}
[ ${#folder} -le 60 ] || fail "the path $folder is too long for its sockets"
case $1 in
start) start ;;
stop) stop ;;
*) fail "start or stop, not $1" ;;
esac
