"""Work that outlives its request: kept in this process's memory until its result is fetched.

    submit ──> waiting ──> running ──> succeeded | failed ──> forgotten
                  └───────────┴─── cancelled: forgotten at once

    book          the jobs of this process, and who may see them
    job           one job: its state and its result
    patience      waits while the service is busy
    webhooks      says that a job has ended
    destinations  where a webhook may go
    metrics       counts both

Nothing is written to a disk: when the process ends, its jobs are gone.
"""
