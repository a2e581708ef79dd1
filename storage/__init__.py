"""What remembers: log formats, the tail, the lake of Parquet segments, the ledger and the SQL over both."""
