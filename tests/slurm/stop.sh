#!/bin/bash
# stop.sh FOLDER: cancel what runs on the SLURM that start.sh started there, and end its daemons, by their ids.
folder=$(readlink -m "${1:?give a folder}")
export SLURM_CONF=$folder/slurm.conf
timeout 10 scancel --quiet --partition=tests 2> /dev/null
for _ in $(seq 100); do
  [ -z "$(timeout 5 squeue --noheader 2> /dev/null)" ] && break
  sleep 0.1
done
for daemon in slurmd slurmctld munged; do
  id=$(cat "$folder/$daemon.pid" 2> /dev/null) || continue
  [ "$(cat "/proc/$id/comm" 2> /dev/null)" = "$daemon" ] || continue
  kill -TERM "$id"
  for _ in $(seq 100); do
    kill -0 "$id" 2> /dev/null || break
    sleep 0.1
  done
  kill -0 "$id" 2> /dev/null && kill -KILL "$id"
done
exit 0
