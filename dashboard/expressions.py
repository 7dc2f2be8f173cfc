"""Small expressions of the panels, such as `won / (won + lost)`: checked once, evaluated here and in the browser alike.

They are written as Python expressions and compiled to nested lists that JSON can hold. Nothing is null-safe by luck:
arithmetic with a null is null, a division by zero is null, a comparison with a null is false.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

Program = list[Any]
Lookup = Callable[[str], Any]

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_FUNCTIONS = {"abs": 1, "known": 1, "min": 2, "max": 2, "first_known": 2}


class ExpressionError(ValueError):
    """An expression cannot be read; the message repeats it and says why."""


def compile_expression(text: str) -> Program:
    """The program of an expression.

    Raises:
        ExpressionError: naming the expression and what in it is not known.
    """
    try:
        tree = ast.parse(str(text).strip(), mode="eval")
    except SyntaxError as error:
        raise ExpressionError(f"{text!r} is not an expression: {error.msg}") from None
    return _compile(tree.body, str(text))


def names_in(program: Program) -> set[str]:
    """The names that a program looks up."""
    if program[0] == "name":
        return {program[1]}
    return {name for part in program[1:] if isinstance(part, list) for name in names_in(part)}


def _compile(node: ast.expr, text: str) -> Program:
    match node:
        case ast.Constant(value=bool() | None as value):
            return ["value", value]
        case ast.Constant(value=int() | float() | str() as value):
            return ["value", value]
        case ast.Name() | ast.Attribute():
            return ["name", _dotted(node, text)]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return [_BINARY[type(op)], _compile(left, text), _compile(right, text)]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return ["-", ["value", 0], _compile(operand, text)]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return ["not", _compile(operand, text)]
        case ast.BoolOp(op=op, values=values):
            return ["and" if isinstance(op, ast.And) else "or", *(_compile(value, text) for value in values)]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return [_COMPARISONS[type(op)], _compile(left, text), _compile(right, text)]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return ["if", _compile(test, text), _compile(body, text), _compile(orelse, text)]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if _FUNCTIONS.get(name) == len(arguments):
            return [name, *(_compile(argument, text) for argument in arguments)]
    known = ", ".join(_FUNCTIONS)
    raise ExpressionError(
        f"{text!r}: {ast.unparse(node)!r} is not allowed in an expression; allowed are numbers, texts, names,"
        f" + - * /, one comparison, and, or, not, `a if b else c` and the functions {known}"
    )


def _dotted(node: ast.expr, text: str) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, text)}.{node.attr}"
    raise ExpressionError(f"{text!r}: {ast.unparse(node)!r} is not a name")


def evaluate(program: Program, lookup: Lookup) -> Any:
    """The value of a program; `lookup` gives the value of a name."""
    head, *parts = program
    if head == "value":
        return parts[0]
    if head == "name":
        return lookup(parts[0])
    if head == "if":
        return evaluate(parts[1] if evaluate(parts[0], lookup) else parts[2], lookup)
    if head == "and":
        return all(evaluate(part, lookup) for part in parts)
    if head == "or":
        return any(evaluate(part, lookup) for part in parts)
    values = [evaluate(part, lookup) for part in parts]
    if head == "not":
        return not values[0]
    if head == "known":
        return values[0] is not None
    if head == "first_known":
        return values[0] if values[0] is not None else values[1]
    if None in values:
        return head == "!=" and values[0] is not values[1] if head in _COMPARISONS.values() else None
    return _apply(head, values)


def _apply(head: str, values: list[Any]) -> Any:
    left, right = values[0], values[-1]
    match head:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right if right else None
        case "==":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "abs":
            return abs(left)
        case "min":
            return min(left, right)
        case "max":
            return max(left, right)
    raise ExpressionError(f"unknown step {head!r} of a program")
