package embedded

func named() middle { return newOuter().middle }
