-- schema.lua - the messages of an ONNX file, those parts of them that burin reads or writes.
--
-- Numbers and names are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
-- Subgraphs are in no description, so the messages do not refer to themselves; an operator that has
-- one (If, Loop, Scan) is none that burin takes.

local schema <const> = {}

-- Types of tensors and of attributes, by their numbers.
schema.types = {
    FLOAT = 1, UINT8 = 2, INT8 = 3, UINT16 = 4, INT16 = 5, INT32 = 6, INT64 = 7, STRING = 8,
    BOOL = 9, FLOAT16 = 10, DOUBLE = 11, UINT32 = 12, UINT64 = 13, BFLOAT16 = 16,
}
schema.attribute_types = { float = 1, int = 2, text = 3, tensor = 4, floats = 6, ints = 7 }
schema.EXTERNAL = 1 -- data_location of a tensor in a file of its own

local entry <const> = { { 1, "key", "text" }, { 2, "value", "text" } }

local tensor <const> = {
    { 1, "dims", "int", repeated = true, packed = true },
    { 2, "data_type", "int" },
    { 3, "segment", {} }, -- no program writes it
    { 8, "name", "text" },
    { 4, "float_data", "packed" },
    { 5, "int32_data", "int", repeated = true, packed = true },
    { 7, "int64_data", "int", repeated = true, packed = true },
    { 9, "raw_data", "text" },
    { 10, "double_data", "packed" },
    { 13, "external_data", entry, repeated = true },
    { 14, "data_location", "int" },
}

local attribute <const> = {
    { 1, "name", "text" },
    { 2, "f", "float" },
    { 3, "i", "int" },
    { 4, "s", "text" },
    { 5, "t", tensor },
    { 7, "floats", "float", repeated = true },
    { 8, "ints", "int", repeated = true },
    { 20, "type", "int" },
    { 21, "ref_attr_name", "text" },
}

local node <const> = {
    { 1, "input", "text", repeated = true },
    { 2, "output", "text", repeated = true },
    { 3, "name", "text" },
    { 4, "op_type", "text" },
    { 7, "domain", "text" },
    { 5, "attribute", attribute, repeated = true },
    { 9, "metadata_props", entry, repeated = true },
}

local dimension <const> = { { 1, "dim_value", "int" }, { 2, "dim_param", "text" } }
local shape <const> = { { 1, "dim", dimension, repeated = true } }
local tensor_type <const> = { { 1, "elem_type", "int" }, { 2, "shape", shape } }
local value_info <const> = {
    { 1, "name", "text" },
    { 2, "type", { { 1, "tensor_type", tensor_type } } },
}

local graph <const> = {
    { 1, "node", node, repeated = true },
    { 2, "name", "text" },
    { 5, "initializer", tensor, repeated = true },
    { 10, "doc_string", "text" },
    { 11, "input", value_info, repeated = true },
    { 12, "output", value_info, repeated = true },
    { 15, "sparse_initializer", {}, repeated = true },
}

local opset <const> = { { 1, "domain", "text" }, { 2, "version", "int" } }

schema.model = {
    { 1, "ir_version", "int" },
    { 2, "producer_name", "text" },
    { 3, "producer_version", "text" },
    { 7, "graph", graph },
    { 8, "opset_import", opset, repeated = true },
    { 14, "metadata_props", entry, repeated = true },
}

return schema
