"""Runs work that outlives its request; its result stays in memory until it is fetched.

    submit ──> waiting ──> running ──> succeeded | failed ──> forgotten
                  └───────────┴─── cancelled: forgotten at once

    job_queue     the jobs of this process: queued, run, kept until they expire
    job           one job: its state and its result
    busy_retry    repeats work that a busy service refused
    webhooks      reports the end of a job to the caller's address
    destinations  the addresses that a webhook may reach
    metrics       counts jobs and deliveries

Nothing is written to a disk: when the process ends, its jobs are gone.
"""
