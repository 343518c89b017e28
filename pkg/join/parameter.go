package join

// InstanceID stands in Spec.Parameter for the id of the machine that reads it, where each has
// a parameter of its own: so that all of them have the same user data.
const InstanceID = "__INSTANCE_ID__"
