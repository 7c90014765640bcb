module example.invalid/module

go 1.25
