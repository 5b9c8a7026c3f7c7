#!/bin/bash
# start.sh FOLDER: a SLURM of one node on this machine, for the tests. Everything it writes is in FOLDER (a short path:
# sockets allow about 100 characters); it listens on the loopback only, needs root, and neither systemd nor cgroups.
# Environment: SLOTS, cores that SLURM believes in (4; more than there are is fine); PORT, the first of two (26817).
# Prints the line that makes it the SLURM of a shell.
set -euo pipefail
export PATH=$PATH:/usr/sbin
folder=$(readlink -m "${1:?give a folder}")
slots=${SLOTS:-4}
port=${PORT:-26817}
mkdir -p "$folder"/{state,spool,log,munge}
chmod 755 "$folder" "$folder/munge"
[ -s "$folder/munge/key" ] || (umask 077 && head -c 1024 /dev/urandom > "$folder/munge/key")

# cred_expire: a requeued job waits that long and a second. MinJobAge: squeue remembers ended jobs for the sacct in bin/.
cat > "$folder/slurm.conf" << CONF
ClusterName=tests
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1
ReturnToService=2
SlurmdParameters=config_overrides
JobRequeue=1
KillWait=5
OverTimeLimit=0
MinJobAge=3600
MailProg=/bin/true
NodeName=localhost NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$slots RealMemory=1000000 State=UNKNOWN
PartitionName=tests Nodes=localhost Default=YES MaxTime=INFINITE State=UP
CONF

export SLURM_CONF=$folder/slurm.conf
munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munged.pid" \
  --log-file="$folder/log/munged.log" --seed-file="$folder/munge/seed"
slurmctld
slurmd -N localhost
for _ in $(seq 300); do
  if [ "$(timeout 2 sinfo --noheader --format=%T 2> /dev/null)" = idle ]; then
    echo "export SLURM_CONF=$SLURM_CONF"
    exit 0
  fi
  sleep 0.1
done
echo "SLURM did not start; the ends of its logs:" >&2
tail -n 5 "$folder"/log/*.log >&2
exit 1
