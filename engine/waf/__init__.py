"""What the WAF detector knows of web attacks: decoding, payload signals, the payload model, behaviour, and the verdict.

requests -> pieces -> distinct units -> decoded -> signals + model -> payload probability a request   (payloads.py)
requests -> leaky buckets, rates and habits a client                                                 (behaviour.py)
both -> one probability a client and minute, explained part by part                                  (verdict.py)
"""
