"""The admission webhook: lint at the moment when somebody applies a policy.

It knows the cluster by watching it, as the controller does, and has only the right to read. `known` is what it knows,
`submission` one object that somebody wants to store, `judging` what that would bring about, `review` the documents that
an API server sends and gets, `wording` what people read. `worker` judges within a budget, `server` answers over TLS,
`certificates` and `bundle` see to who is trusted. `process` is all of it.
"""
