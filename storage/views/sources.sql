-- The logs that are or were read, and how far: `byte_offset` counts uncompressed bytes landed.
SELECT path, generation, format, byte_offset, state, CAST(first_ts AS TIMESTAMPTZ) AS first_ts,
    CAST(updated_ts AS TIMESTAMPTZ) AS updated_ts
FROM source ORDER BY path, generation
