# Requests and groups as objects; callbacks; priorities; what a callback may do.

use strict;
use warnings;
use Test::More;
use Errno qw(ENOENT ECANCELED EAGAIN);
use Fcntl;
use lib 't/lib';
use Tester;

use IO::AIO;

my $name = put(file('file'), 'data');

# objects
{
    my $req = aio_stat $name;
    isa_ok($req, 'IO::AIO::REQ');
    ok(!$req->isa('IO::AIO::GRP'), 'no group');
    $req->{mine} = 1;
    is($req->{mine}, 1, "a hash for the caller's use");
    IO::AIO::flush;
    is($req->cancel, undef, 'cancel when it is done');
    is(scalar($req->cb), undef, 'cb when it is done');
    my $ran = 0;
    { my $gone = aio_nop sub { $ran++ } }
    IO::AIO::flush;
    is($ran, 1, 'the object need not live');
    raises { IO::AIO::REQ::cancel('text') } qr/object of class IO::AIO::REQ expected/, 'no object';
    raises { IO::AIO::REQ::cancel(bless {}, 'Other') } qr/object of class IO::AIO::REQ expected/, 'of another class';
    raises { IO::AIO::GRP::limit(aio_nop, 1) } qr/object of class IO::AIO::GRP expected/, 'no group';
    raises { IO::AIO::GRP::limit($req, 1) } qr/busy IO::AIO::REQ object expected/, 'one that is done';
    my $blessed = aio_nop sub { $ran++ };
    bless $blessed, 'My::Request';
    @My::Request::ISA = 'IO::AIO::REQ';
    $blessed->cancel;
    IO::AIO::flush;
    is($ran, 1, 'blessed anew');
}

# callbacks
{
    our @named;
    sub named { push @named, @_ }
    aio_stat $name, 'main::named';
    aio_stat $name, 'named';
    aio_stat $name, \&named;
    aio_stat $name, *named;
    aio_stat $name, \*named;
    IO::AIO::flush;
    is_deeply(\@named, [(0) x 5], 'by name, by reference and by glob');
    {
        package Callable;
        use overload '&{}' => sub { my $self = shift; sub { $self->{got} = $_[0] } }, fallback => 1;
    }
    my $object = bless {}, 'Callable';
    aio_stat $name, $object;
    IO::AIO::flush;
    is($object->{got}, 0, 'an object that can be called');
    raises { aio_stat $name, [] } qr/CODE reference|Not a subroutine reference/, 'an array cannot';
    raises { aio_stat $name, \1 } qr/CODE reference|Not a subroutine reference/, 'nor a scalar';
    aio_stat $name, undef;
    IO::AIO::flush;
    pass('none');
    my @order;
    my $req = aio_nop sub { push @order, 'first' };
    my $old = $req->cb(sub { push @order, 'second' });
    is(ref $old, 'CODE', 'the old one');
    IO::AIO::flush;
    is_deeply(\@order, ['second'], 'a new one is called instead');
    $old->();
    is_deeply(\@order, ['second', 'first'], 'and it is that');
    $req = aio_nop sub { push @order, 'never' };
    is(ref $req->cb(undef), 'CODE', 'taken away');
    is($req->cb, undef, 'is none');
    IO::AIO::flush;
    is(scalar @order, 2, 'nothing called');
    my $context = 'none';
    aio_nop sub { $context = wantarray };
    IO::AIO::flush;
    is($context, undef, 'in void context');
    aio_stat $name, sub { is(eval { $_[0] = 5; 1 }, undef, 'the result is read-only') };
    IO::AIO::flush;
    my @kept;
    aio_stat $_, sub { push @kept, \$_[0] } for $name, file('none'), $name;
    IO::AIO::flush;
    is_deeply([sort map $$_, @kept], [-1, 0, 0], 'and can be kept');
    my $depth = 0;
    my $nest;
    $nest = sub { aio_nop $nest if ++$depth < 100 };
    $nest->();
    IO::AIO::flush;
    is($depth, 100, 'requests from callbacks');
    my $inner = 0;
    aio_nop sub { aio_nop sub { $inner++ }; IO::AIO::flush; $inner++ };
    IO::AIO::flush;
    is($inner, 2, 'a flush from a callback');
}

# $! and $@
{
    my @errors;
    aio_stat file('none'), sub { push @errors, $! + 0 };
    aio_stat $name, sub { push @errors, $! + 0 };
    $! = EAGAIN;
    IO::AIO::flush;
    is_deeply([sort { $a <=> $b } @errors], [0, ENOENT], 'success is 0');
    for (1 .. 20) {
        @errors = ();
        aio_stat file('none'), sub { aio_stat $name, sub { push @errors, $! + 0 } };
        IO::AIO::flush;
        is($errors[0], 0, 'also after a failure') if $errors[0] || $_ == 20;
    }
    my $ran = 0;
    aio_nop sub { die "one\n" };
    aio_nop sub { $ran++ };
    aio_nop sub { $ran++ };
    my $polls = 0;
    until ($polls++ > 100 || eval { IO::AIO::flush; 1 }) {
        is($@, "one\n", 'a callback dies');
        cmp_ok(IO::AIO::nreqs, '<=', 2, 'the rest stays');
    }
    is($polls, 2, 'once');
    is($ran, 2, 'and the rest runs');
    $@ = 'stale';
    aio_nop;
    is(eval { IO::AIO::flush; 1 }, 1, 'an old $@ is nobody\'s');
    my $object = bless {code => 5}, 'My::Error';
    aio_nop sub { die $object };
    is(eval { IO::AIO::flush; 1 }, undef, 'dies with an object');
    is($@, $object, 'that one');
    my $grp = aio_group sub { 1 };
    add $grp aio_nop sub { die "inside\n" };
    is(eval { IO::AIO::flush; 1 }, undef, 'dies, and a group ends with it');
    is($@, "inside\n", 'the text stays');
    IO::AIO::flush;
    my $fd = IO::AIO::poll_fileno;
    aio_nop sub { die "left\n" };
    aio_nop sub { };
    eval { IO::AIO::poll } for 1;
    my $bits = '';
    vec($bits, $fd, 1) = 1;
    is(IO::AIO::nreqs ? scalar select($bits, undef, undef, 1) : 1, 1, 'what is left is told of');
    IO::AIO::flush;
}

# cancel
{
    my $ran = 0;
    my $req = aio_busy_object(sub { $ran++ });
    $req->cancel;
    $req->cancel;
    cmp_ok(IO::AIO::nreqs, '>=', 1, 'still counted');
    IO::AIO::flush;
    is($ran, 0, 'no callback after a cancel');
    is(IO::AIO::nreqs, 0, 'nothing left');
    my $before = aio_files;
    for (1 .. 20) {
        my $open = aio_open $name, O_RDONLY, 0, sub { $ran++ };
        $open->cancel;
        IO::AIO::flush;
        $open = aio_open $name, O_RDONLY, 0, sub { $ran++ };
        IO::AIO::poll_wait;
        $open->cancel;
        IO::AIO::flush;
        aio_open $name, O_RDONLY, 0;
        aio_wd dir;
        my $wd = aio_wd dir, sub { $ran++ };
        $wd->cancel;
        my $list = aio_readdir dir, sub { $ran++ };
        $list->cancel;
        IO::AIO::flush;
    }
    is($ran, 0, 'none called');
    is(aio_files, $before, 'no descriptor lost');
    my $data = 'as it was';
    my $read = aio_read fileno(STDIN) // 0, 0, 0, $data, 0, sub { $ran++ };
    $read->cancel;
    IO::AIO::flush;
    is(eval { $data = 'mine'; 1 }, 1, 'its data are free again');

    sub aio_busy_object { return IO::AIO::aio_busy(0.01, $_[0]) }
}

# groups
{
    my @got;
    my $grp = aio_group sub { push @got, "end @_" };
    isa_ok($grp, 'IO::AIO::GRP');
    isa_ok($grp, 'IO::AIO::REQ');
    my @added = add $grp aio_nop(sub { push @got, 'a' }), aio_nop(sub { push @got, 'b' });
    is(scalar @added, 2, 'add gives what it got');
    $grp->result(1, 'two');
    IO::AIO::flush;
    is($got[-1], 'end 1 two', 'last of all');
    is(scalar @got, 3, 'once each');
    raises { add $grp aio_nop } qr/busy IO::AIO::REQ object expected/, 'not to one that has ended';
    IO::AIO::flush;
    my $inside;
    $grp = aio_group sub { eval { add $inside aio_nop }; push @got, $@ };
    $inside = $grp;
    IO::AIO::flush;
    like($got[-1], qr/cannot add requests to IO::AIO::GRP after the group finished/, 'nor to one that ends');
    @got = ();
    aio_group sub { push @got, scalar @_ };
    IO::AIO::flush;
    is_deeply(\@got, [0], 'an empty one');
    @got = ();
    my $outer = aio_group sub { push @got, 'outer' };
    my $sub = aio_group sub { push @got, 'sub' };
    add $outer $sub;
    add $sub aio_nop sub { push @got, 'nop' };
    IO::AIO::flush;
    is_deeply(\@got, [qw(nop sub outer)], 'one in the other');
    @got = ();
    my ($one, $two) = (aio_group(sub { push @got, 'one' }), aio_group(sub { push @got, 'two' }));
    my $member = aio_nop;
    add $one $member;
    add $two $member;
    IO::AIO::flush;
    is_deeply([sort @got], [qw(one two)], 'a member of both');
    my ($errno, @result);
    $grp = aio_group sub { $errno = $! + 0; @result = @_ };
    add $grp aio_stat file('none'), sub { $grp->result(-1) };
    IO::AIO::flush;
    is($errno, ENOENT, 'result keeps $!');
    is_deeply(\@result, [-1], 'and the values');
    $grp = aio_group sub { $errno = $! + 0 };
    $grp->errno(EAGAIN);
    $! = ENOENT;
    IO::AIO::flush;
    is($errno, EAGAIN, 'errno is $!');
    $grp = aio_group sub { $errno = $! + 0 };
    $! = EAGAIN;
    is(scalar(my @none = $grp->errno), 0, 'without an argument it gives nothing');
    $! = ENOENT;
    IO::AIO::flush;
    is($errno, EAGAIN, 'and takes $!');
    @got = ();
    $grp = aio_group sub { push @got, 'end' };
    add $grp IO::AIO::aio_busy(0.01, sub { push @got, 'member' }) for 1 .. 3;
    $grp->cancel;
    IO::AIO::flush;
    is_deeply(\@got, [], 'cancelled with all members');
    $grp = aio_group sub { push @got, 'end' };
    add $grp IO::AIO::aio_busy(0.01, sub { push @got, 'member' }) for 1 .. 3;
    $grp->cancel_subs;
    IO::AIO::flush;
    is_deeply(\@got, ['end'], 'or the members only');
    is(scalar($grp->cancel_subs), undef, 'when it is done');
    $grp = aio_group;
    add $grp aio_nop;
    IO::AIO::flush;
    pass('without a callback');
}

# feeders
{
    my ($fed, $max, $now, $ended) = (0, 0, 0, 0);
    my $grp = aio_group sub { $ended++ };
    limit $grp 4;
    feed $grp sub {
        my ($self) = @_;
        isa_ok($self, 'IO::AIO::GRP') unless $fed;
        return if $fed++ >= 50;
        $now++;
        $max = $now if $now > $max;
        add $self aio_nop sub { $now-- };
    };
    cmp_ok($fed, '>=', 4, 'called at once');
    IO::AIO::flush;
    is($fed, 51, 'until it adds nothing');
    cmp_ok($max, '<=', 4, 'up to the limit');
    is($ended, 1, 'then it ends');
    my $count = 0;
    $grp = aio_group;
    feed $grp sub { add $grp aio_nop if $count++ < 10 };
    is($count, 2, 'the limit is 2 at first');
    IO::AIO::flush;
    is($count, 11, 'all of them');
    $count = 0;
    $grp = aio_group sub { $ended++ };
    add $grp IO::AIO::aio_busy(0.02);
    feed $grp sub { add $grp aio_nop if $count++ < 10 };
    limit $grp 0;
    my $paused = $count;
    limit $grp 1;
    IO::AIO::flush;
    is($count, 11, 'paused, and on');
    $grp = aio_group sub { $ended++ };
    { local $SIG{__WARN__} = sub { }; feed $grp sub { die "in the feeder\n" }; }
    is(eval { IO::AIO::flush; 1 }, 1, "a feeder's exception goes no further");
}

# priorities
{
    is(aioreq_pri, 0, 'none at first');
    is(aioreq_pri(3), 0, 'gives the old one');
    is(aioreq_pri, 3, 'is set');
    aio_nop;
    is(aioreq_pri, 0, 'for one request');
    aioreq_pri 100;
    is(aioreq_pri, 4, 'at most');
    aioreq_pri(-100);
    is(aioreq_pri, -4, 'at least');
    aioreq_pri 1;
    aioreq_nice 3;
    is(aioreq_pri, -2, 'nice');
    aioreq_pri 0;
    IO::AIO::flush;
    my @order;
    for my $pri (0, -4, 4, 2, -1) {
        aioreq_pri $pri;
        aio_nop sub { push @order, $pri };
    }
    select undef, undef, undef, 0.1; # on whatever route, they are done by then
    IO::AIO::flush;
    is_deeply(\@order, [4, 2, 0, -1, -4], 'results by priority');
    my @seen;
    aioreq_pri 4;
    aio_nop sub { push @seen, aioreq_pri };
    IO::AIO::flush;
    is_deeply(\@seen, [0], 'not for requests of its callback');
}

# a request's hash stays until it is done
{
    my @seen;
    {
        package Guard;
        sub DESTROY { push @{$_[0][0]}, 'gone' }
    }
    (aio_nop sub { push @seen, 'called' })->{guard} = bless [\@seen], 'Guard';
    is_deeply(\@seen, [], 'not yet');
    IO::AIO::flush;
    is_deeply(\@seen, ['called', 'gone'], 'the hash of a request goes after its callback');
    @seen = ();
    (aio_group sub { push @seen, 'called' })->{guard} = bless [\@seen], 'Guard';
    IO::AIO::flush;
    is_deeply(\@seen, ['called', 'gone'], 'that of a group too');
    @seen = ();
    my $req = aio_nop sub { push @seen, 'called' };
    $req->{guard} = bless [\@seen], 'Guard';
    IO::AIO::flush;
    is_deeply(\@seen, ['called'], 'or with who keeps it');
    undef $req;
    is_deeply(\@seen, ['called', 'gone'], 'then');
    @seen = ();
    (IO::AIO::aio_busy 0.05)->{guard} = bless [\@seen], 'Guard' for 1 .. 3;
    IO::AIO::reinit;
    is_deeply(\@seen, [('gone') x 3], 'or with a reinit');
    IO::AIO::flush;
}

# feeders that poll
{
    my @seen;
    my $grp = aio_group sub { push @seen, 'done' };
    feed $grp sub { IO::AIO::poll_cb; push @seen, 'fed'; return };
    IO::AIO::flush;
    is_deeply(\@seen, ['fed', 'done'], 'a feeder polls');
    is(IO::AIO::nreqs, 0, 'nothing is left');
    @seen = ();
    my $n = 0;
    $grp = aio_group sub { push @seen, 'done' };
    limit $grp 3;
    feed $grp sub {
        IO::AIO::poll_cb;
        add $grp aio_nop sub { push @seen, 'member' } if $n++ < 5;
        IO::AIO::poll_cb;
    };
    IO::AIO::flush;
    is_deeply(\@seen, [('member') x 5, 'done'], 'with members');
    @seen = ();
    $grp = aio_group sub { push @seen, 'done' };
    feed $grp sub { IO::AIO::flush if !@seen; push @seen, 'fed'; $grp->limit(1) if @seen < 3; return };
    IO::AIO::flush;
    is($seen[-1], 'done', 'a feeder that flushes and sets its limit');
    is(scalar(grep $_ eq 'done', @seen), 1, 'once');
}

# _on_next_submit
{
    my $called = 0;
    IO::AIO::_on_next_submit(sub { $called++ });
    aio_nop;
    aio_nop;
    IO::AIO::flush;
    is($called, 1, 'after the next one only');
    IO::AIO::_on_next_submit(sub { $called++ });
    aio_group;
    IO::AIO::flush;
    is($called, 2, 'also after a group');
    IO::AIO::_on_next_submit(undef);
    aio_nop;
    IO::AIO::flush;
    is($called, 2, 'or none');
}

done_testing;
